import { useMemo } from 'react';
import { formatFiat, formatMsat, formatSats } from '../../shared/amounts.ts';
import { useWords } from '../words.tsx';

/** Amounts and times as this merchant reads them; times by the shop's clock, if it is given. */
export function useAmounts(timeZone?: string) {
  const { locale, t } = useWords();
  return useMemo(() => {
    const zone = timeZone === undefined ? {} : { timeZone };
    const near = new Intl.DateTimeFormat(locale, {
      dateStyle: 'medium',
      timeStyle: 'short',
      ...zone,
    });
    const exact = new Intl.DateTimeFormat(locale, {
      dateStyle: 'medium',
      timeStyle: 'medium',
      ...zone,
    });
    const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short', ...zone });
    const day = new Intl.DateTimeFormat(locale, { dateStyle: 'long', ...zone });
    return {
      fiat: (fiat: { amount: string; currency: string }) => formatFiat(fiat, locale),
      sats: (sats: string) => t('sats', { sats: formatSats(sats, locale) }),
      msat: (msat: string) => t('sats', { sats: formatMsat(msat, locale) }),
      count: (count: number) => new Intl.NumberFormat(locale).format(count),
      when: (iso: string) => near.format(new Date(iso)),
      exactly: (iso: string) => exact.format(new Date(iso)),
      clock: (iso: string) => clock.format(new Date(iso)),
      day: (iso: string) => day.format(new Date(iso)),
    };
  }, [locale, t, timeZone]);
}
