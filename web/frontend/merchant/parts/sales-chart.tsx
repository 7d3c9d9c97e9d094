import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { DayShown } from '../../shared/dashboard-api.ts';
import { heightOf, type Measure } from './trend.ts';

const heightPx = 220;
const narrowPx = 480;

type Given = {
  days: readonly DayShown[];
  measure: Measure;
  dayName: (day: string) => string;
  valueName: (day: DayShown) => string;
};

/**
 * The drawing alone: the sentence and the table beside it say the same to who does not see it.
 * Colours are the page's own, read where the drawing stands, and read again when they change.
 */
export function SalesChart(given: Given) {
  const place = useRef<HTMLDivElement>(null);
  const [looks, setLooks] = useState(0);
  const [shown, setShown] = useState<DayShown>();
  useEffect(() => {
    const again = (): void => {
      setLooks((last) => last + 1);
    };
    const queries = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) =>
      matchMedia(query),
    );
    for (const query of queries) query.addEventListener('change', again);
    return () => {
      for (const query of queries) query.removeEventListener('change', again);
    };
  }, []);
  const { days, measure, dayName, valueName } = given;
  useEffect(() => {
    const at = place.current;
    if (at === null || !canDraw()) return undefined;
    const chart = new uPlot(
      optionsOf({ days, measure, dayName, at, onDay: setShown }),
      [days.map((_, index) => index), days.map((day) => heightOf(day, measure))],
      at,
    );
    const watcher = new ResizeObserver(() => {
      if (at.clientWidth > 0) chart.setSize({ width: at.clientWidth, height: heightPx });
    });
    watcher.observe(at);
    return () => {
      watcher.disconnect();
      chart.destroy();
    };
    // The functions that print are made anew with every look and print the same.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [days, measure, looks]);
  return (
    <>
      <div ref={place} aria-hidden="true" className="zt-chart-place" />
      <div aria-hidden="true" className="zt-chart-value">
        {shown === undefined ? '\u00a0' : `${dayName(shown.day)}: ${valueName(shown)}`}
      </div>
    </>
  );
}

/** Without a canvas the sentence and the table are enough. */
const canDraw = (): boolean => document.createElement('canvas').getContext('2d') !== null;

/** What a class of the style sheet looks like here, in this theme. */
function colourOf(at: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.className = name;
  at.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function optionsOf(about: {
  days: readonly DayShown[];
  measure: Measure;
  dayName: (day: string) => string;
  at: HTMLElement;
  onDay: (day: DayShown | undefined) => void;
}): uPlot.Options {
  const { days, dayName, at, onDay } = about;
  const ink = colourOf(at, 'zt-chart-ink');
  const words = colourOf(at, 'zt-chart-words');
  const lines = colourOf(at, 'zt-chart-lines');
  const font = `12px ${getComputedStyle(at).fontFamily}`;
  const width = at.clientWidth || narrowPx;
  const labels = width < narrowPx ? 4 : 8;
  const every = Math.max(1, Math.ceil(days.length / labels));
  const compact = new Intl.NumberFormat(document.documentElement.lang || 'en', {
    notation: 'compact',
  });
  return {
    width,
    height: heightPx,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: false, range: [-0.6, days.length - 0.4] },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    series: [
      {},
      {
        fill: ink,
        stroke: ink,
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars?.({ size: [0.7, 40], radius: 0.15 }) ?? (() => null),
      },
    ],
    axes: [
      {
        stroke: words,
        font,
        size: 30,
        grid: { show: false },
        ticks: { show: false },
        splits: () => days.map((_, index) => index).filter((index) => index % every === 0),
        values: (_, splits) => splits.map((index) => dayName(days[index]?.day ?? '')),
      },
      {
        stroke: words,
        font,
        size: 56,
        grid: { stroke: lines, width: 1 },
        ticks: { show: false },
        values: (_, splits) => splits.map((value) => compact.format(value)),
      },
    ],
    hooks: {
      setCursor: [
        (chart) => {
          const { idx } = chart.cursor;
          onDay(idx === null || idx === undefined ? undefined : days[idx]);
        },
      ],
    },
  };
}
