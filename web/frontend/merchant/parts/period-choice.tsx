import { Button, ButtonGroup } from '@shopify/polaris';
import { periods, type PeriodDays } from '../../shared/dashboard-api.ts';
import { useWords } from '../words.tsx';

/** Which days the figures are of. */
export function PeriodChoice(props: { days: PeriodDays; onChange: (days: PeriodDays) => void }) {
  const { t } = useWords();
  const { days, onChange } = props;
  return (
    <div role="group" className="zt-period" aria-label={t('period.title')}>
      <ButtonGroup variant="segmented">
        {periods.map((one) => (
          <Button
            key={one}
            pressed={one === days}
            onClick={() => {
              onChange(one);
            }}
          >
            {one === 1 ? t('period.today') : t('period.days', { days: String(one) })}
          </Button>
        ))}
      </ButtonGroup>
    </div>
  );
}
