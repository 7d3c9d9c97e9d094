// Which browser the tests drive. None is ever downloaded.
import { spawnSync } from 'node:child_process';

const usual = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** CHROMIUM_PATH, or where it usually lies; undefined when none of them starts. */
export function findChromium(): string | undefined {
  const named = process.env['CHROMIUM_PATH'];
  const places = named === undefined ? usual : [named];
  return places.find((place) => spawnSync(place, ['--version']).status === 0);
}
