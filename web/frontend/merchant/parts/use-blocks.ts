import { useAppBridge } from '@shopify/app-bridge-react';
import { useEffect, useState } from 'react';

export type Blocks = { thankYou: boolean; orderStatus: boolean };

/**
 * Where the merchant has placed our block, from App Bridge; undefined until it is known. Asked
 * again when the merchant comes back from the checkout editor.
 */
export function useBlocks(): Blocks | undefined {
  const bridge = useAppBridge();
  const [blocks, setBlocks] = useState<Blocks>();
  useEffect(() => {
    let isGone = false;
    const look = (): void => {
      if (document.hidden) return;
      bridge.app.extensions().then(
        (extensions) => {
          if (isGone) return;
          const targets = extensions.flatMap(({ activations }) =>
            activations.map(({ target }) => target),
          );
          setBlocks({
            thankYou: targets.includes('purchase.thank-you.block.render'),
            orderStatus: targets.includes('customer-account.order-status.block.render'),
          });
        },
        // Not known is not "not placed".
        () => undefined,
      );
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => {
      isGone = true;
      document.removeEventListener('visibilitychange', look);
    };
  }, [bridge]);
  return blocks;
}
