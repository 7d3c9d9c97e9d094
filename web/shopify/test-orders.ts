// The order that a self-test makes in the merchant's shop, marks and takes away again. It is a test
// order from its first moment, sends nobody a message and claims no stock.
import { currencyOf, decimalOf, type Minor } from '../core/money.ts';
import { Trouble } from '../core/trouble.ts';
import { adminApi, type AdminDeps } from './admin-api.ts';
import {
  testOrderCancel,
  testOrderCreate,
  testOrderCurrency,
  testOrderDelete,
} from './test-order-documents.ts';

/** What `TestOrders` of the flow asks for. Throws Trouble from `shop`. */
export function testOrders(deps: AdminDeps) {
  const api = adminApi(deps);
  return {
    make: async (wish: { name: string; methodName: string; amountMinor: Minor }) => {
      const { shop } = await api.ask(testOrderCurrency, {});
      const currency = currencyOf(shop.currencyCode);
      if (currency === undefined) {
        throw new Trouble('currency_unknown', { from: 'shop', then: 'give_up', away: false });
      }
      const amountSet = {
        shopMoney: { amount: decimalOf(wish.amountMinor, currency), currencyCode: currency },
      };
      const { orderCreate } = await api.ask(testOrderCreate, {
        order: {
          name: wish.name,
          test: true,
          currency,
          tags: ['zaptill-self-test'],
          note: 'Made by the Zaptill self-test, and taken away at its end.',
          lineItems: [{ title: wish.name, quantity: 1, priceSet: amountSet, taxable: false }],
          financialStatus: 'PENDING',
          transactions: [
            { kind: 'SALE', status: 'PENDING', gateway: wish.methodName, amountSet, test: true },
          ],
        },
        options: { inventoryBehaviour: 'BYPASS', sendReceipt: false },
      });
      const { order, userErrors } = orderCreate;
      if (order === null) return { is: 'refused' as const, why: reasonOf(userErrors) };
      return { is: 'made' as const, orderId: order.id, currency };
    },
    cancel: async (orderId: string) => {
      const { orderCancel } = await api.ask(testOrderCancel, {
        orderId,
        refundMethod: { originalPaymentMethodsRefund: false },
        staffNote: 'Zaptill self-test',
      });
      return outcomeOf(orderCancel.orderCancelUserErrors);
    },
    remove: async (orderId: string) => {
      const { orderDelete } = await api.ask(testOrderDelete, { orderId });
      return outcomeOf(orderDelete.userErrors);
    },
  };
}

type Errors = readonly { code?: string | null | undefined; message: string }[];

/** Shopify's own words, cut: they are shown to the merchant and nobody decides by them. */
const reasonOf = (errors: Errors): string => (errors[0]?.message ?? 'no reason').slice(0, 200);

const outcomeOf = (errors: Errors) =>
  errors.length === 0 ? { is: 'done' as const } : { is: 'refused' as const, why: reasonOf(errors) };
