import '@shopify/ui-extensions/preact';
import { render } from 'preact';
import { hostOf } from './host.ts';
import { Block } from './block.tsx';

/** An older order that is still not found is none of ours, or one that we may not read. */
const youngMs = 60 * 60_000;

export default function OrderStatus(): void {
  const host = {
    ...hostOf(shopify),
    order: () => {
      const orderId = shopify.order.value?.id;
      const checkoutToken = shopify.checkoutToken.value;
      return !orderId || !checkoutToken ? undefined : { orderId, checkoutToken };
    },
    // Every order of the shop has this page, and how it is paid is not told here.
    likelyOurs: () => {
      const processedAt = Date.parse(shopify.order.value?.processedAt ?? '');
      return Date.now() - processedAt < youngMs;
    },
    slow: 'slow_here' as const,
  };
  render(<Block host={host} />, document.body);
}
