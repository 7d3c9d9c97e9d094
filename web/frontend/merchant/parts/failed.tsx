import { Banner } from '@shopify/polaris';
import type { TroubleKind } from '../api.ts';
import { useWords } from '../words.tsx';

/** Why something could not be had, and the one thing to do about it. */
export function Failed(props: {
  title: string;
  trouble: TroubleKind;
  isAsking?: boolean;
  again?: () => void;
}) {
  const { t } = useWords();
  const { title, trouble, again, isAsking = false } = props;
  return (
    <Banner
      tone={trouble === 'broken' ? 'critical' : 'warning'}
      title={title}
      {...(again === undefined
        ? {}
        : { action: { content: t('again'), onAction: again, loading: isAsking } })}
    >
      <p>{t(`trouble.${trouble}`)}</p>
    </Banner>
  );
}
