import { storefrontContract } from '../contract/storefront.ts';
import { methodName, openTestShop } from './shop-for-tests.ts';

storefrontContract('on the stand-in', async () => {
  const { shopify, storefront, close } = await openTestShop();
  const done = (): Promise<void> => Promise.resolve();
  return {
    storefront,
    methodName,
    createOrder: (wish) => {
      const { id, checkoutToken } = shopify.createOrder(wish);
      return Promise.resolve({ originId: id, checkoutToken });
    },
    cancel: (id) => {
      shopify.cancel(id);
      return done();
    },
    payByCard: (id) => {
      shopify.payByCard(id);
      return done();
    },
    markByHand: (id) => {
      shopify.markByHand(id);
      return done();
    },
    fulfill: (id) => {
      shopify.fulfill(id);
      return done();
    },
    remove: (id) => {
      shopify.remove(id);
      return done();
    },
    close,
  };
});
