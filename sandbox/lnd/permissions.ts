/**
 * LND's table: which entity permission each method asks for (rpcserver.go MainRPCServerPermissions
 * and the `macPermissions` of the sub-servers, 0.21), and LND's own macaroon files. A `uri:`
 * operation for the method stands in for all of them.
 */
const lightning = {
  'info:read': [
    'GetInfo',
    'GetRecoveryInfo',
    'DescribeGraph',
    'GetNodeMetrics',
    'GetChanInfo',
    'GetNodeInfo',
    'QueryRoutes',
    'GetNetworkInfo',
    'SubscribeChannelGraph',
    'ListPermissions',
  ],
  'info:write': ['StopDaemon', 'DebugLevel'],
  'invoices:read': ['LookupInvoice', 'ListInvoices', 'SubscribeInvoices'],
  'invoices:write': ['AddInvoice', 'DeleteCanceledInvoice'],
  'offchain:read': [
    'ChannelBalance',
    'PendingChannels',
    'ListChannels',
    'SubscribeChannelEvents',
    'ClosedChannels',
    'ListPayments',
    'DecodePayReq',
    'FeeReport',
    'ForwardingHistory',
    'ExportChannelBackup',
    'VerifyChanBackup',
    'ExportAllChannelBackups',
    'SubscribeChannelBackups',
    'SubscribeCustomMessages',
    'SubscribeOnionMessages',
    'LookupHtlcResolution',
    'ListAliases',
  ],
  'offchain:write': [
    'AbandonChannel',
    'DeletePayment',
    'DeleteAllPayments',
    'UpdateChannelPolicy',
    'RestoreChannelBackups',
    'SendCustomMessage',
    'SendOnionMessage',
  ],
  'onchain:read': [
    'WalletBalance',
    'ListUnspent',
    'EstimateFee',
    'GetTransactions',
    'SubscribeTransactions',
  ],
  'onchain:write': ['SendCoins', 'SendMany'],
  'onchain:write offchain:write': [
    'OpenChannel',
    'OpenChannelSync',
    'BatchOpenChannel',
    'CloseChannel',
    'ChannelAcceptor',
    'FundingStateStep',
  ],
  'info:read offchain:read onchain:read peers:read': ['GetDebugInfo'],
  'address:write': ['NewAddress'],
  'message:write': ['SignMessage'],
  'message:read': ['VerifyMessage'],
  'peers:write': ['ConnectPeer', 'DisconnectPeer'],
  'peers:read': ['ListPeers', 'SubscribePeerEvents'],
  'macaroon:generate': ['BakeMacaroon'],
  'macaroon:read': ['ListMacaroonIDs', 'CheckMacaroonPermissions'],
  'macaroon:write': ['DeleteMacaroonID', 'RegisterRPCMiddleware'],
};
const invoices = {
  'invoices:read': ['SubscribeSingleInvoice'],
  'invoices:write': [
    'AddHoldInvoice',
    'CancelInvoice',
    'SettleInvoice',
    'LookupInvoiceV2',
    'HtlcModifier',
  ],
};
const router = {
  'offchain:read': [
    'TrackPaymentV2',
    'TrackPayments',
    'EstimateRouteFee',
    'QueryMissionControl',
    'QueryProbability',
    'GetMissionControlConfig',
    'BuildRoute',
    'SubscribeHtlcEvents',
    'XFindBaseLocalChanAlias',
  ],
  'offchain:write': [
    'SendPaymentV2',
    'SendToRouteV2',
    'ResetMissionControl',
    'XImportMissionControl',
    'SetMissionControlConfig',
    'HtlcInterceptor',
    'UpdateChanStatus',
    'XAddLocalChanAliases',
    'XDeleteLocalChanAliases',
    'DeleteForwardingHistory',
  ],
};
const services: Record<string, Record<string, string[]>> = {
  'lnrpc.Lightning': lightning,
  'invoicesrpc.Invoices': invoices,
  'routerrpc.Router': router,
  'verrpc.Versioner': { 'info:read': ['GetVersion'] },
  'chainrpc.ChainNotifier': {
    'onchain:read': ['RegisterBlockEpochNtfn', 'RegisterConfirmationsNtfn', 'RegisterSpendNtfn'],
  },
};

/** Full method name -> the entity permissions it asks for. */
export const REQUIRED_PERMISSIONS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(services).flatMap(([service, table]) =>
    Object.entries(table).flatMap(([permissions, methods]) =>
      methods.map((method) => [`/${service}/${method}`, permissions.split(' ')] as const),
    ),
  ),
);

/** Services of LND that this simulator knows; a call to any other is answered with code 12. */
export const KNOWN_SERVICES: ReadonlySet<string> = new Set([
  ...Object.keys(services),
  'lnrpc.State',
]);

const ENTITIES = [
  'onchain',
  'offchain',
  'address',
  'message',
  'peers',
  'info',
  'invoices',
  'signer',
  'macaroon',
] as const;
const reads = ENTITIES.map((entity) => `${entity}:read`);
const writes = [
  'onchain:write',
  'offchain:write',
  'address:write',
  'message:write',
  'peers:write',
  'info:write',
  'invoices:write',
  'signer:generate',
  'macaroon:generate',
  'macaroon:write',
];
export const isEntity = (entity: string): boolean =>
  entity === 'uri' || ENTITIES.some((known) => known === entity);

const receive = [
  '/lnrpc.Lightning/AddInvoice',
  '/lnrpc.Lightning/LookupInvoice',
  '/lnrpc.Lightning/SubscribeInvoices',
  '/invoicesrpc.Invoices/CancelInvoice',
];
const pay = [
  '/routerrpc.Router/SendPaymentV2',
  '/routerrpc.Router/TrackPaymentV2',
  '/lnrpc.Lightning/AddInvoice',
  '/lnrpc.Lightning/LookupInvoice',
  '/lnrpc.Lightning/GetInfo',
];
const uris = (methods: string[]): string[] => methods.map((method) => `uri:${method}`);

/**
 * LND's own files by name, and four that a careful merchant bakes: `receive` (the least that can
 * take payments), `receive-useful` (with GetInfo, ListChannels and ListInvoices),
 * `receive-and-hold` (that, and hold invoices) and `pay`.
 */
export const MACAROON_RECIPES = {
  admin: [...reads, ...writes],
  readonly: reads,
  invoice: ['address:read', 'address:write', 'invoices:read', 'invoices:write', 'onchain:read'],
  invoices: ['invoices:read', 'invoices:write'],
  router: ['offchain:read', 'offchain:write'],
  receive: uris(receive),
  'receive-useful': uris([
    ...receive,
    '/lnrpc.Lightning/GetInfo',
    '/lnrpc.Lightning/ListChannels',
    '/lnrpc.Lightning/ListInvoices',
  ]),
  'receive-and-hold': uris([
    ...receive,
    '/lnrpc.Lightning/GetInfo',
    '/lnrpc.Lightning/ListChannels',
    '/lnrpc.Lightning/ListInvoices',
    '/invoicesrpc.Invoices/AddHoldInvoice',
    '/invoicesrpc.Invoices/SettleInvoice',
  ]),
  pay: uris(pay),
} as const satisfies Record<string, readonly string[]>;

export type MacaroonName = keyof typeof MACAROON_RECIPES;

export const isMacaroonName = (name: unknown): name is MacaroonName =>
  typeof name === 'string' && name in MACAROON_RECIPES;
