// One world for all tests of a file, on a database of its own. It is there before the first test,
// and nothing of it is left after the last one.
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { testDatabase, type TestDatabase } from './database.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

export type FileWorldOptions = Omit<WorldOptions, 'databaseUrl'> & {
  /** The books have to be in order when the last test is over. */
  soundInTheEnd?: boolean;
};

export function worldOfFile(take: (world: World) => void, options: FileWorldOptions = {}): void {
  const { soundInTheEnd = false, ...rest } = options;
  let place: TestDatabase | undefined;
  let world: World | undefined;
  beforeAll(async () => {
    place = await testDatabase();
    world = await startWorld({ databaseUrl: place.url, ...rest });
    take(world);
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(complaintsOf(world));
  });
  afterAll(async () => {
    try {
      if (soundInTheEnd) expect(await world?.violations()).toEqual([]);
    } finally {
      await world?.close();
      await place?.close();
    }
  });
}

const shownAtMost = 20;
const complaint = /"level":"(?:warn|error|fatal)"/;

/** What our processes complained of last: why a test failed often stands only there. */
function complaintsOf(world: World | undefined): string {
  const lines = (world?.processes ?? []).flatMap((one) => one.output().split('\n'));
  const last = lines.filter((line) => complaint.test(line)).slice(-shownAtMost);
  return `Our processes said before:\n${last.map((line) => line.slice(0, 1_000)).join('\n')}\n`;
}
