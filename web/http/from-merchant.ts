// The merchant knocks from inside Shopify's admin. The page is a frame of it and proves itself by a
// session token on every call; a token of the thank-you block is refused here.
import type { MerchantAssets } from './assets.ts';
import type { Doors, Route } from './doors.ts';
import { dashboardRoutes } from './merchant/dashboard.ts';
import { documentRoutes } from './merchant/document.ts';
import { nodeRoutes } from './merchant/node.ts';
import { holdRoutes } from './merchant/holds.ts';
import { exportRoutes } from './merchant/export.ts';
import { operationRoutes } from './merchant/operation.ts';
import { paymentRoutes } from './merchant/payments.ts';
import { reconciliationRoutes } from './merchant/reconciliation.ts';
import { refundRoutes } from './merchant/refunds.ts';
import { rewardRoutes } from './merchant/rewards.ts';
import { settingsRoutes } from './merchant/settings.ts';
import { selfTestRoutes } from './merchant/self-test.ts';
import { setupRoutes } from './merchant/setup.ts';
import { shareRoutes } from './merchant/shares.ts';
import { shopRoutes } from './merchant/shop.ts';
import { viewRoutes } from './merchant/views.ts';

export const merchantRoutes = (doors: Doors, assets: MerchantAssets | undefined): Route[] => [
  ...shopRoutes(doors),
  ...dashboardRoutes(doors),
  ...reconciliationRoutes(doors),
  ...operationRoutes(doors),
  ...nodeRoutes(doors),
  ...setupRoutes(doors),
  ...selfTestRoutes(doors),
  ...exportRoutes(doors),
  ...viewRoutes(doors),
  ...refundRoutes(doors),
  ...shareRoutes(doors),
  ...rewardRoutes(doors),
  ...holdRoutes(doors),
  ...paymentRoutes(doors),
  ...settingsRoutes(doors),
  ...documentRoutes(doors, assets),
];
