/** Every Admin document of a merchant app, for the stand-in's tests. */

export const DOCUMENTS = `
query AppShop {
  shop {
    id name myshopifyDomain currencyCode ianaTimezone
    plan { publicDisplayName partnerDevelopment shopifyPlus }
  }
  currentAppInstallation { id accessScopes { handle } }
}
query OrderById($id: ID!) { order(id: $id) { ...OrderParts } }
query OrderByCheckoutToken($query: String!) {
  orders(first: 2, query: $query) { nodes { ...OrderParts } }
}
query OrdersToReconcile($query: String!, $after: String) {
  orders(first: 50, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes {
      id name updatedAt cancelledAt displayFinancialStatus paymentGatewayNames
      totalOutstandingSet { ...Bag }
    }
    pageInfo { hasNextPage endCursor }
  }
}
query OrderRefunds($id: ID!) {
  order(id: $id) {
    id
    refunds(first: 50) {
      id legacyResourceId createdAt note totalRefundedSet { ...Bag }
      transactions(first: 20) {
        nodes { id kind status gateway manualPaymentGateway amountSet { ...Bag } }
      }
    }
  }
}
query JobState($id: ID!) { job(id: $id) { id done } }
fragment OrderParts on Order {
  id legacyResourceId name createdAt updatedAt cancelledAt cancelReason closed test
  checkoutToken displayFinancialStatus fullyPaid unpaid canMarkAsPaid
  currencyCode presentmentCurrencyCode paymentGatewayNames
  totalPriceSet { ...Bag } totalOutstandingSet { ...Bag }
  totalReceivedSet { ...Bag } totalRefundedSet { ...Bag }
  transactions {
    id kind status gateway formattedGateway manualPaymentGateway manuallyCapturable createdAt
    amountSet { ...Bag }
  }
  metafield(namespace: "$app", key: "lightning") { id value compareDigest }
}
fragment Bag on MoneyBag {
  shopMoney { amount currencyCode } presentmentMoney { amount currencyCode }
}
mutation OrderMarkAsPaid($input: OrderMarkAsPaidInput!) {
  orderMarkAsPaid(input: $input) {
    order { id displayFinancialStatus } userErrors { field message }
  }
}
mutation OrderCreateManualPayment(
  $id: ID!, $amount: MoneyInput, $paymentMethodName: String, $processedAt: DateTime
) {
  orderCreateManualPayment(
    id: $id, amount: $amount, paymentMethodName: $paymentMethodName, processedAt: $processedAt
  ) { order { id displayFinancialStatus } userErrors { code field message } }
}
mutation OrderCreate($order: OrderCreateOrderInput!) {
  orderCreate(order: $order) {
    order { ...OrderParts } userErrors { code field message }
  }
}
mutation OrderDelete($orderId: ID!) {
  orderDelete(orderId: $orderId) { deletedId userErrors { code field message } }
}
mutation OrderCapture($input: OrderCaptureInput!) {
  orderCapture(input: $input) { transaction { id kind status } userErrors { field message } }
}
mutation OrderCancel(
  $orderId: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $staffNote: String
) {
  orderCancel(orderId: $orderId, reason: $reason, restock: $restock, staffNote: $staffNote) {
    job { id done } orderCancelUserErrors { code field message }
  }
}
mutation RefundCreate($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) { refund { id } userErrors { field message } }
}
mutation TagsAdd($id: ID!, $tags: [String!]!) {
  tagsAdd(id: $id, tags: $tags) { userErrors { field message } }
}
mutation MetafieldsSet($metafields: [MetafieldsSetInput!]!) {
  metafieldsSet(metafields: $metafields) {
    metafields { id compareDigest } userErrors { code field message }
  }
}
mutation OrderUpdate($input: OrderInput!) {
  orderUpdate(input: $input) { order { id } userErrors { field message } }
}
`;

/** One operation with the fragments it needs; unused fragments are refused by the schema. */
export function document(name: string): string {
  const parts = DOCUMENTS.split(/\n(?=query |mutation |fragment )/).map((part) => part.trim());
  const find = (start: RegExp) => parts.find((part) => start.test(part)) ?? '';
  const operation = find(new RegExp(`^(query|mutation) ${name}\\b`));
  if (operation === '') throw new Error(`No document ${name}`);
  const order = operation.includes('...OrderParts') ? find(/^fragment OrderParts/) : '';
  const bag = `${operation}${order}`.includes('...Bag') ? find(/^fragment Bag/) : '';
  return [operation, order, bag].filter((part) => part !== '').join('\n');
}
