// What a merchant is advised about a node that works: good to know, and no obstacle. A code beside
// each sentence, so that pages can say it in their own language.

/** In English; what stands in braces is filled from the values. */
export const adviceSentences = {
  lnd_memory_outside: withVersion('anyone can exhaust its memory from outside'),
  lnd_theft: withVersion('it has published weaknesses by which its funds can be stolen'),
  lnd_stands_paying: withVersion('it can come to a standstill while payments arrive (#10035)'),
  lnd_stands_loaded: withVersion('it can come to a standstill under load (#10428, #10540)'),
  lnd_memory_peer: withVersion('a peer can exhaust its memory (#11090)'),
  lnd_unnoticed: withVersion('payments can stay unnoticed until a restart (#10719)'),
  lnd_newer: 'LND {version} is newer than what Zaptill was tried with.',
  catching_up: 'The node is still catching up with the chain: payments may fail until it has.',
  channels_unseen: 'The credential may not see the channels, so nobody warns when they are full.',
  no_channels: 'The node has no channels yet, so it cannot receive. Open or buy inbound channels.',
  none_active: 'None of the channels is active, so the node cannot receive at the moment.',
  channels_full: 'All channels are full on your side: nothing can be received until some is spent.',
  channels_private: 'All channels are private and invoices show no way to them: wait some minutes.',
  credential_ends: 'The credential ends on {day}: bake a new one soon.',
  only_tests: 'This node is on {network}: only test payments go there, never a real order’s.',
  no_active_channel: 'This node has no active channel: shoppers cannot pay until one is open.',
} as const;

export type AdviceCode = keyof typeof adviceSentences;

export type Advice = {
  code: AdviceCode;
  sentence: string;
  values: Readonly<Record<string, string>>;
};

export function advice(code: AdviceCode, values: Readonly<Record<string, string>> = {}): Advice {
  const fill = (whole: string, name: string): string => values[name] ?? whole;
  return { code, sentence: adviceSentences[code].replace(/\{(\w+)\}/g, fill), values };
}

function withVersion(what: string): string {
  return `Update LND: with version {version} ${what}.`;
}
