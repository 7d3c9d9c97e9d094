// One world for all tests of a file, on a database of its own. It is there before the first test,
// and nothing of it is left after the last one.
import { afterAll, beforeAll, expect } from 'vitest';
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
  afterAll(async () => {
    try {
      if (soundInTheEnd) expect(await world?.violations()).toEqual([]);
    } finally {
      await world?.close();
      await place?.close();
    }
  });
}
