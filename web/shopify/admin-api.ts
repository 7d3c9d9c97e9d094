// The Admin API, for the merchant app and its documents only.
import { shopApi, type ShopApi, type ShopApiDeps } from './shop-api.ts';

export type { TokenSource } from './shop-api.ts';
export type AdminDeps = ShopApiDeps;
export type AdminApi = ShopApi;

export const adminApi = (deps: AdminDeps): AdminApi => shopApi(deps, 'admin/api');
