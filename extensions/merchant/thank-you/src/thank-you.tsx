import '@shopify/ui-extensions/preact';
import { render } from 'preact';
import { hostOf } from './host.ts';
import { Block } from './block.tsx';

export default function ThankYou(): void {
  const host = {
    ...hostOf(shopify),
    order: () => {
      const { id } = shopify.orderConfirmation.value.order;
      const checkoutToken = shopify.checkoutToken.value;
      return id === '' || !checkoutToken ? undefined : { orderId: id, checkoutToken };
    },
    // A manual payment method's name is not told here, and that it is one may be told late.
    likelyOurs: () => {
      const options = shopify.selectedPaymentOptions.value;
      return options.length === 0 || options.some(({ type }) => type === 'manualPayment');
    },
    slow: 'slow' as const,
  };
  render(<Block host={host} />, document.body);
}
