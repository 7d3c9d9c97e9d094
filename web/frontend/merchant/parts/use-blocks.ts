import { useAppBridge } from '@shopify/app-bridge-react';
import { useEffect, useState } from 'react';

export type Blocks = { thankYou: boolean; orderStatus: boolean };

/** How long a page waits for App Bridge's answer before it shows itself without. */
const patienceMs = 1_500;

/**
 * Where the merchant has placed our block, from App Bridge. Not known is not "not placed". Asked
 * again when the merchant comes back from the checkout editor.
 */
export function useBlocks(): { blocks: Blocks | undefined; isAsking: boolean } {
  const bridge = useAppBridge();
  const [blocks, setBlocks] = useState<Blocks>();
  const [isAsking, setIsAsking] = useState(true);
  useEffect(() => {
    let isGone = false;
    const look = async (): Promise<void> => {
      if (document.hidden) return;
      const extensions = await bridge.app.extensions().catch(() => undefined);
      if (isGone) return;
      setIsAsking(false);
      if (extensions === undefined) return;
      const placed = extensions.flatMap(({ activations }) => activations.map((one) => one.target));
      setBlocks({
        thankYou: placed.includes('purchase.thank-you.block.render'),
        orderStatus: placed.includes('customer-account.order-status.block.render'),
      });
    };
    const lookAgain = (): void => void look();
    lookAgain();
    const timer = setTimeout(() => setIsAsking(false), patienceMs);
    document.addEventListener('visibilitychange', lookAgain);
    return () => {
      isGone = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', lookAgain);
    };
  }, [bridge]);
  return { blocks, isAsking };
}
