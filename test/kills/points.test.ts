// The points at which our processes may be killed are read from the source; one that nobody has
// placed fails here, and so does a place without a point.
import { expect, test } from 'vitest';
import { placed } from './plan.ts';
import { enumerate } from './points.ts';
import { notOfTheWay } from './ways.ts';

test('every point of the source has its place', () => {
  const known = [...placed.map(({ point }) => point), ...Object.values(notOfTheWay).flat()];
  const points = enumerate().points.map(({ id }) => id);
  const without = points.filter((id) => !known.includes(id));
  expect(without, 'points in neither list of ways.ts').toEqual([]);
  expect(
    known.filter((id) => !points.includes(id)),
    'no such point any more',
  ).toEqual([]);
  const inWay = new Set(placed.map(({ point }) => point));
  expect(
    Object.values(notOfTheWay)
      .flat()
      .filter((id) => inWay.has(id)),
  ).toEqual([]);
  expect(points.length).toBeGreaterThan(150);
});
