import { useEffect, useState } from 'react';

/** What is left of a time is read to the minute. */
const everyMs = 30_000;

/** The page's clock, in milliseconds; it goes on while it is looked at. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, []);
  return now;
}
