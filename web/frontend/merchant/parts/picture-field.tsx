import { BlockStack, DropZone, InlineStack, Spinner, Text } from '@shopify/polaris';
import { useEffect, useState } from 'react';
import { useWords, type Word } from '../words.tsx';
import { isLink } from './lndconnect.ts';
import { readQrOf } from './read-qr.ts';

const pictures = /^image\//;

/** The link from a picture of its QR code: chosen, dropped or pasted. */
export default function PictureField(props: { found: (link: string) => void }) {
  const { t } = useWords();
  const { found } = props;
  const [isReading, setIsReading] = useState(false);
  const [wrong, setWrong] = useState<Word>();

  const read = async (file: Blob | undefined): Promise<void> => {
    if (file === undefined) {
      setWrong('connect.picture.unreadable');
      return;
    }
    setIsReading(true);
    setWrong(undefined);
    const text = await readQrOf(file);
    setIsReading(false);
    if (text !== undefined && isLink(text)) found(text.trim());
    else setWrong(text === undefined ? 'connect.picture.unreadable' : 'connect.picture.not_link');
  };
  usePasted((file) => void read(file));

  return (
    <BlockStack gap="200">
      <DropZone
        label={t('connect.picture.label')}
        accept="image/*"
        type="image"
        allowMultiple={false}
        disabled={isReading}
        onDrop={(_all, accepted) => void read(accepted[0])}
      >
        <DropZone.FileUpload
          actionTitle={t('connect.picture.action')}
          actionHint={t('connect.picture.hint')}
        />
      </DropZone>
      <div role="status">
        {isReading && (
          <InlineStack gap="200" blockAlign="center">
            <span aria-hidden="true">
              <Spinner size="small" />
            </span>
            <Text as="span">{t('connect.picture.reading')}</Text>
          </InlineStack>
        )}
        {wrong !== undefined && (
          <Text as="p" tone="critical">
            {t(wrong)}
          </Text>
        )}
      </div>
    </BlockStack>
  );
}

/** A picture from the clipboard, wherever on the page it is pasted. */
function usePasted(take: (file: File) => void): void {
  useEffect(() => {
    const pasted = (event: ClipboardEvent): void => {
      const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => pictures.test(type));
      if (file === undefined) return;
      event.preventDefault();
      take(file);
    };
    document.addEventListener('paste', pasted);
    return () => document.removeEventListener('paste', pasted);
  });
}
