// Guards of what a node holds for a buyer: charged for one request, or given back, and never both.
import { database, edit, source, type Mutant } from './mutant.ts';

const holds = 'web/db/holds.ts';
const ofHold = 'web/core/hold.ts';
const looks = 'web/flows/look-at-hold.ts';
const ofHolds = 'test/db/holds.test.ts';
const ofHoldsFlow = 'test/flows/holds.test.ts';
const ofHoldsOfOrders = 'test/flows/holds-of-orders.test.ts';
const ofHoldsCore = 'test/core/hold.test.ts';

export const ofTheHolds: readonly Mutant[] = [
  database(
    {
      id: 'X85',
      guard: 'of several captures one has the money: compared and set, and unique',
      sql: 'drop index hold_request_one_capture;',
      ...{ test: ofHolds, named: 'of ten captures of one payment one' },
    },
    edit(holds, 'and (i.capture_wanted_at is null or $2)', 'and (true or $2)'),
  ),
  source(
    {
      id: 'X86',
      guard: 'what is to be charged is not given back',
      ...{ test: ofHolds, named: 'what is to be charged is not given back' },
    },
    edit(holds, 'if (capturing.length > 0) return false;', ''),
  ),
  source(
    {
      id: 'X87',
      guard: 'what goes back is not charged: its state, and the end of its invoice',
      ...{ test: ofHolds, named: 'what is to be charged is not given back' },
    },
    edit(
      holds,
      "and p.state = 'held'\n            and i.state = 'live' and i.held_at is not null " +
        'and i.ending is null',
      "\n            and i.state = 'live' and i.held_at is not null",
    ),
  ),
  source(
    {
      id: 'X88',
      guard: 'no more is captured than is held',
      ...{ test: ofHoldsCore, named: 'more than it' },
    },
    edit(ofHold, 'amountMinor <= payment.owedMinor &&', ''),
  ),
  source(
    {
      id: 'X89',
      guard: 'a hold ends well before the node would end it, or a channel be closed for it',
      ...{ test: ofHoldsCore, named: 'six blocks before the node would end it' },
    },
    edit(ofHold, 'nodeMarginBlocks - ourMarginBlocks - about.height', 'about.height'),
  ),
  source(
    {
      id: 'X90',
      guard: 'the node is told the secret when somebody wants it charged, and not before',
      ...{ test: ofHoldsFlow, named: 'held, authorized with an end, captured as a whole' },
    },
    edit(
      looks,
      'if (isWished && (await mayCharge(deps.db, mayBe))) return charge',
      'if (true) return charge',
    ),
  ),
  source(
    {
      id: 'X91',
      guard: 'a void is answered when the node has said that the buyer has the money back',
      ...{ test: ofHoldsCore, named: 'is answered when the node has said' },
    },
    edit(
      ofHold,
      "case 'closing':\n      return { do: 'wait' };",
      "case 'closing':\n      return answer('voided');",
    ),
  ),
  source(
    {
      id: 'X92',
      guard: 'a capture waits until Shopify has the payment as authorized',
      ...{ test: ofHoldsCore, named: 'is charged when Shopify has it as authorized' },
    },
    edit(ofHold, "payment.isTold ? { do: 'capture' } : { do: 'wait' }", "{ do: 'capture' }"),
  ),
  database(
    {
      id: 'X93',
      guard: 'an answer that was stored stays, by the statement and by the database',
      sql: 'drop trigger hold_request_arrow on hold_request;',
      ...{ test: ofHolds, named: 'an answer that was stored is not answered again' },
    },
    edit(
      holds,
      "and state in ('asked', 'capturing') and state = $3 and lease_no = $4",
      'and $3::text is not null and $4::int is not null',
    ),
  ),
  source(
    {
      id: 'X112',
      guard: 'an order that was not read a moment ago is not charged',
      ...{ test: ofHoldsOfOrders, named: 'cancelled after the wish to charge: read again' },
    },
    edit(holds, "or i.capture_wanted_at > now() - $2 * interval '1 ms')", 'or $2::int > 0)'),
  ),
  source(
    {
      id: 'X113',
      guard: 'the wish to charge is taken back where the order is over before the node heard of it',
      ...{ test: ofHoldsOfOrders, named: 'cancelled after the wish to charge: read again' },
    },
    edit(holds, 'await takeBackCapture(on, { paymentId, forMs });', ''),
  ),
  source(
    {
      id: 'X114',
      guard: 'an order of which the money was let go is not to be paid again',
      ...{ test: ofHoldsOfOrders, named: 'let go: the buyer has it back' },
    },
    edit(
      'web/flows/look-at-order.ts',
      "if (known?.state === 'lapsed' && (await wasLetGo(deps.db, known.id))) return known;",
      '',
    ),
  ),
  source(
    {
      id: 'X140',
      guard: 'what a node has forgotten is asked of a person once it must have timed out',
      ...{ test: ofHoldsFlow, named: 'a person is asked at its end, once' },
    },
    edit(looks, "return 'stored';\n    await askIfLost(deps, invoice);", "return 'stored';"),
  ),
  source(
    {
      id: 'X141',
      guard: 'so is what was to be given back',
      ...{ test: ofHoldsFlow, named: 'also of what was to be given back' },
    },
    edit(looks, 'if (invoice.heldAt !== null) {\n    const node', 'if (false) {\n    const node'),
  ),
  source(
    {
      id: 'X142',
      guard: 'before that nobody is asked: the node may be found to know it',
      ...{ test: ofHoldsFlow, named: 'a person is asked at its end, once' },
    },
    edit(ofHold, 'about.height >= about.heldUntilHeight', 'about.height > 0'),
  ),
  source(
    {
      id: 'X143',
      guard: 'a wish to charge that cannot happen keeps no hold beyond its end',
      ...{ test: ofHoldsOfOrders, named: 'what could not be charged ends in time' },
    },
    edit(looks, 'evenIfCharging: { forMs: staleWishMs }', 'evenIfCharging: false'),
  ),
  source(
    {
      id: 'X144',
      guard: 'a wish that may still be with a node is not taken back for its age',
      ...{ test: ofHoldsOfOrders, named: 'what could not be charged ends in time' },
    },
    edit(
      holds,
      "($2::int is null or i.capture_wanted_at < now() - $2::int * interval '1 ms')",
      '($2::int is null or true)',
    ),
  ),
  source(
    {
      id: 'X145',
      guard: 'who lets go takes back a charge that cannot happen any more',
      ...{ test: ofHoldsOfOrders, named: 'a charge that cannot happen is taken back' },
    },
    edit(holds, "kind === 'void' && row.stale && (await", 'false && row.stale && (await'),
  ),
  source(
    {
      id: 'X146',
      guard: 'an order that is being let go is not opened again, whoever ended its hold',
      ...{ test: ofHoldsOfOrders, named: 'let go, and the node was faster' },
    },
    edit(holds, "and coalesce(outcome, 'voided') = 'voided' limit", "and outcome = 'voided' limit"),
  ),
  source(
    {
      id: 'X147',
      guard: 'what came late asks the policy for late money, whatever was held before',
      ...{ test: ofHoldsOfOrders, named: 'held once and taken late' },
    },
    edit('web/flows/tell-shopify.ts', " && payment.reason !== 'taken_late'", ''),
  ),
  source(
    {
      id: 'X148',
      guard: 'Shopify hears the end of a hold that it never heard of',
      ...{ test: ofHoldsFlow, named: 'never told of a hold, Shopify hears its end' },
    },
    edit(holds, "coalesce(p.verdict_wanted, 'reject')", 'p.verdict_wanted'),
  ),
  source(
    {
      id: 'X149',
      guard: 'the word of the node ends what a person was asked in its place',
      ...{ test: ofHoldsFlow, named: 'its own word ends the question' },
    },
    edit(
      'web/db/payments.ts',
      "when attention not in ('untold', 'node_gone', 'hold_lost', 'too_little',",
      "when attention not in ('untold', 'node_gone', 'too_little',",
    ),
  ),
  source(
    {
      id: 'X195',
      guard: 'nobody is asked of a hold that its healthy node may just have deleted',
      ...{ test: ofHoldsFlow, named: 'a person is asked at its end' },
    },
    edit('web/flows/look-at-hold.ts', 'if (!evidence.restoreSuspected &&', 'if (false &&'),
  ),
  source(
    {
      id: 'X199',
      guard: 'Shopify hears of a capture whose money came that it went well',
      ...{ test: ofHoldsFlow, named: 'charged before and seen to have come' },
    },
    edit(
      'web/db/attentions.ts',
      "if (answer === 'seen_paid') await answer",
      'if (false) await answer',
    ),
  ),
  source(
    {
      id: 'X225',
      guard: 'what began to be held is not given back by who read it before',
      ...{ test: ofHoldsFlow, named: 'what begins to be held is not given back' },
    },
    edit(
      'web/db/invoices.ts',
      'and held_at is not distinct from $3::timestamptz',
      'and ($3::timestamptz is null or true)',
    ),
  ),
  source(
    {
      id: 'X226',
      guard: 'what began to be held at a node that is replaced is charged or given back there',
      ...{ test: ofHoldsFlow, named: 'what begins to be held is not given back' },
    },
    edit('web/db/payments.ts', "and (held_at is null or $2 <> 'node_replaced')", ''),
  ),
];
