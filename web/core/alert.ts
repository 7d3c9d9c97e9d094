// Alerts: what a merchant is told outside the admin, in words that need no other page to be
// understood. An alert holds no secret and nothing of a buyer.
import type { Msat } from './money.ts';
import { msat } from './money.ts';
import { breakSaid } from './reconcile-words.ts';

/** What is told, with what it says in each language. `{...}` stands for a fact of the alert. */
const words = {
  stranded: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: money came that Shopify will not take',
      sentence:
        'Your node was paid for order {orderName}, but Shopify does not take the payment: the ' +
        'order was cancelled, deleted or paid in another way. The money is on your node.',
      todo: 'Look at the order, write to the buyer, and give the money back or agree on something.',
    },
    de: {
      subject: 'Bestellung {orderName}: Geld ist da, das Shopify nicht annimmt',
      sentence:
        'Ihr Knoten wurde für die Bestellung {orderName} bezahlt, aber Shopify nimmt die Zahlung ' +
        'nicht an: Die Bestellung wurde storniert, gelöscht oder anders bezahlt. Das Geld liegt ' +
        'auf Ihrem Knoten.',
      todo:
        'Sehen Sie die Bestellung an, schreiben Sie der Käuferin oder dem Käufer, und geben Sie ' +
        'das Geld zurück oder einigen Sie sich anders.',
    },
  },
  overpaid: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: more was paid than it owed',
      sentence: 'More arrived on your node for order {orderName} than the order owed.',
      todo:
        'Where refunds are on, make a claim link on its page and send it to the buyer. Otherwise ' +
        'give the rest back from your node’s own wallet, and say so there.',
    },
    de: {
      subject: 'Bestellung {orderName}: mehr bezahlt als offen war',
      sentence: 'Auf Ihrem Knoten kam für die Bestellung {orderName} mehr an, als offen war.',
      todo:
        'Sind Erstattungen eingeschaltet, erstellen Sie auf ihrer Seite einen Link, und senden ' +
        'Sie ihn der Käuferin oder dem Käufer. Sonst geben Sie den Rest mit der Wallet Ihres ' +
        'Knotens zurück, und sagen Sie es dort.',
    },
  },
  marked_too_much: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: Shopify has more as paid than was paid',
      sentence:
        'Order {orderName} was made larger in the very moment in which it was marked as paid. ' +
        'Shopify takes all of it for paid; the buyer has paid what it cost before.',
      todo: 'Ask the buyer for the rest, or leave it: look at the order before you send the goods.',
    },
    de: {
      subject: 'Bestellung {orderName}: in Shopify mehr bezahlt als wirklich',
      sentence:
        'Die Bestellung {orderName} wurde in dem Moment größer, in dem sie als bezahlt markiert ' +
        'wurde. Shopify hält sie ganz für bezahlt; bezahlt ist, was sie vorher kostete.',
      todo:
        'Bitten Sie um den Rest, oder lassen Sie es dabei: Sehen Sie die Bestellung an, bevor ' +
        'Sie die Ware versenden.',
    },
  },
  untold: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: paid, and Shopify could not be told yet',
      sentence:
        'Your node was paid for order {orderName}. Shopify has not taken our word for it yet; we ' +
        'keep trying.',
      todo: 'Look at the payment. If the order is still unpaid there, mark it as paid yourself.',
    },
    de: {
      subject: 'Bestellung {orderName}: bezahlt, und Shopify weiß es noch nicht',
      sentence:
        'Ihr Knoten wurde für die Bestellung {orderName} bezahlt. Shopify hat das noch nicht ' +
        'angenommen; wir versuchen es weiter.',
      todo:
        'Sehen Sie die Zahlung an. Ist die Bestellung dort noch offen, markieren Sie sie selbst ' +
        'als bezahlt.',
    },
  },
  cancelled_paid: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: cancelled, and paid in another way',
      sentence:
        'Order {orderName} was cancelled because nobody paid by Lightning in time. In that very ' +
        'moment it was paid by card or in another way.',
      todo: 'Open the order, and give the money back there or agree on something with the buyer.',
    },
    de: {
      subject: 'Bestellung {orderName}: storniert und anders bezahlt',
      sentence:
        'Die Bestellung {orderName} wurde storniert, weil niemand rechtzeitig über Lightning ' +
        'zahlte. Im selben Moment wurde sie mit Karte oder anders bezahlt.',
      todo:
        'Öffnen Sie die Bestellung, und erstatten Sie das Geld dort oder einigen Sie sich mit ' +
        'der Käuferin oder dem Käufer.',
    },
  },
  not_cancelled: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: not paid, and could not be cancelled',
      sentence:
        'Nobody paid for order {orderName} by Lightning in time, and Shopify did not cancel it ' +
        'for some hours. The order stands as it is.',
      todo: 'Open the order: if no other payment is under way there, cancel it yourself.',
    },
    de: {
      subject: 'Bestellung {orderName}: nicht bezahlt und nicht zu stornieren',
      sentence:
        'Niemand zahlte die Bestellung {orderName} rechtzeitig über Lightning, und Shopify hat ' +
        'sie einige Stunden lang nicht storniert. Sie besteht, wie sie ist.',
      todo: 'Öffnen Sie die Bestellung: Läuft dort keine Zahlung, stornieren Sie sie selbst.',
    },
  },
  too_little: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: your node says something strange',
      sentence:
        'Your node calls the invoice of order {orderName} settled with less than it asked for, ' +
        'which LND never does. Nothing was booked, and the order is not paid.',
      todo: 'Look at the invoice on your node, and whether something else answers in its place.',
    },
    de: {
      subject: 'Bestellung {orderName}: Ihr Knoten sagt etwas Seltsames',
      sentence:
        'Ihr Knoten nennt die Rechnung der Bestellung {orderName} mit weniger beglichen, als sie ' +
        'verlangt. Das tut LND nie. Nichts wurde verbucht; die Bestellung ist nicht bezahlt.',
      todo:
        'Sehen Sie sich die Rechnung auf Ihrem Knoten an, und ob etwas anderes an seiner Stelle ' +
        'antwortet.',
    },
  },
  not_charged: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: not charged, and the buyer has the money back',
      sentence:
        'The held money of order {orderName} was to be charged. Its time was over before your ' +
        'node or Shopify could be reached, and it went back to the buyer.',
      todo: 'Look at the order before you send the goods; its buyer can pay it anew.',
    },
    de: {
      subject: 'Bestellung {orderName}: nicht eingezogen, das Geld ist beim Käufer',
      sentence:
        'Das gehaltene Geld der Bestellung {orderName} sollte eingezogen werden. Seine Zeit ' +
        'war um, bevor Ihr Knoten oder Shopify erreichbar war, und es ging an den Käufer zurück.',
      todo: 'Sehen Sie die Bestellung vor dem Versand an; sie lässt sich neu bezahlen.',
    },
  },
  refund_untold: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: Shopify does not hear how a refund ended',
      sentence:
        'A refund of order {orderName} is over, and Shopify does not take our word for it. The ' +
        'payment’s page says whether the buyer has the sats.',
      todo: 'Compare it with the order in Shopify, and record there what is missing.',
    },
    de: {
      subject: 'Bestellung {orderName}: Shopify erfährt nicht, wie eine Erstattung ausging',
      sentence:
        'Eine Erstattung der Bestellung {orderName} ist zu Ende, und Shopify nimmt das nicht an. ' +
        'Die Seite der Zahlung sagt, ob die Sats angekommen sind.',
      todo: 'Vergleichen Sie die Bestellung in Shopify, und tragen Sie dort nach, was fehlt.',
    },
  },
  refund_undone: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: a refund came to nothing, and the buyer got no sats for it',
      sentence:
        'A refund of order {orderName} came to nothing: it was not claimed in time, or could not ' +
        'be given back as it was asked for. Its page says why. If it was made in Shopify, it ' +
        'stands there as refunded.',
      todo: 'If the buyer is still to have the money, give it back on the payment’s page.',
    },
    de: {
      subject:
        'Bestellung {orderName}: aus einer Erstattung wurde nichts, keine Sats gingen zurück',
      sentence:
        'Aus einer Erstattung der Bestellung {orderName} wurde nichts: Sie wurde nicht ' +
        'rechtzeitig abgerufen, oder ließ sich so nicht auszahlen. Ihre Seite sagt, warum. ' +
        'Kam sie aus Shopify, steht sie dort als erstattet.',
      todo: 'Soll das Geld noch zurück, geben Sie es auf der Seite der Zahlung zurück.',
    },
  },
  refund_unread: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: refunded in Shopify, which does not show us how much',
      sentence:
        'Something of order {orderName} was refunded in Shopify. The order is so old that ' +
        'Shopify does not show it to us, so nothing was given back here.',
      todo: 'If the buyer is to have sats back, give them back on the payment’s page.',
    },
    de: {
      subject: 'Bestellung {orderName}: in Shopify erstattet, das uns nicht zeigt, wie viel',
      sentence:
        'Von der Bestellung {orderName} wurde in Shopify etwas erstattet. Sie ist so alt, dass ' +
        'Shopify sie uns nicht mehr zeigt; hier wurde also nichts zurückgegeben.',
      todo: 'Sollen Sats zurück, geben Sie sie auf der Seite der Zahlung zurück.',
    },
  },
  node_gone: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: nobody knows whether it was paid',
      sentence:
        'The node that made the invoice for order {orderName} has been away for two weeks, and ' +
        'its credential was deleted. Only that node knows whether somebody paid.',
      todo: 'Look there for the payment hash, or connect the node again: then Zaptill asks it.',
    },
    de: {
      subject: 'Bestellung {orderName}: Niemand weiß, ob sie bezahlt wurde',
      sentence:
        'Der Knoten, der die Rechnung für Bestellung {orderName} erstellt hat, ist seit zwei ' +
        'Wochen fort, und sein Zugang wurde gelöscht. Nur er weiß, ob jemand bezahlt hat.',
      todo:
        'Suchen Sie dort nach dem Payment-Hash, oder verbinden Sie den Knoten wieder: Dann fragt ' +
        'ihn Zaptill.',
    },
  },
  hold_lost: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: your node has forgotten the money it held',
      sentence:
        'Your node held the money of order {orderName}. Its time is over, and the node knows ' +
        'nothing of it any more, as after a restore from an old backup.',
      todo: 'Look at the channels of your node, then say whether the money came.',
    },
    de: {
      subject: 'Bestellung {orderName}: Ihr Knoten hat das gehaltene Geld vergessen',
      sentence:
        'Ihr Knoten hielt das Geld der Bestellung {orderName}. Die Zeit dafür ist um, und der ' +
        'Knoten weiß nichts mehr davon, wie nach einer Wiederherstellung aus alter Sicherung.',
      todo: 'Sehen Sie sich die Kanäle Ihres Knotens an, und sagen Sie, ob das Geld kam.',
    },
  },
  node_unreachable: {
    path: '/node',
    en: {
      subject: 'Your Lightning node has not answered for more than ten minutes',
      sentence:
        'Your node at {address} has not answered since {since}. Shoppers cannot pay there until ' +
        'it does; what they have paid is not lost.',
      todo: 'Check that LND runs, that its wallet is unlocked, and that its gRPC port is open.',
    },
    de: {
      subject: 'Ihr Lightning-Knoten antwortet seit mehr als zehn Minuten nicht',
      sentence:
        'Ihr Knoten unter {address} antwortet seit {since} nicht. Bis er antwortet, kann dort ' +
        'niemand bezahlen; was schon bezahlt ist, geht nicht verloren.',
      todo: 'Prüfen Sie, ob LND läuft, die Wallet offen und der gRPC-Port erreichbar ist.',
    },
  },
  receivable_low: {
    path: '/node',
    en: {
      subject: 'Your Lightning node can receive only {sats} sats more',
      sentence:
        'Your node at {address} can receive {sats} sats at the moment. Larger payments fail.',
      todo: 'Open a channel with inbound liquidity, or spend from the ones you have.',
    },
    de: {
      subject: 'Ihr Lightning-Knoten kann nur noch {sats} Sats empfangen',
      sentence:
        'Ihr Knoten unter {address} kann im Moment {sats} Sats empfangen. Größere Zahlungen ' +
        'scheitern.',
      todo:
        'Öffnen Sie einen Kanal mit eingehender Kapazität, oder geben Sie etwas aus Ihren ' +
        'Kanälen aus.',
    },
  },
  credential_ending: {
    path: '/node',
    en: {
      subject: 'The credential of your Lightning node ends on {ends}',
      sentence:
        'From {ends} on, no invoice can be made on your node at {address}: its credential ends.',
      todo: 'Connect the node with a new credential before. No payment is missed by that.',
    },
    de: {
      subject: 'Der Zugang zu Ihrem Lightning-Knoten endet am {ends}',
      sentence:
        'Ab {ends} kann auf Ihrem Knoten unter {address} keine Rechnung mehr erstellt werden: ' +
        'Der Zugang endet.',
      todo: 'Verbinden Sie den Knoten vorher mit einem neuen Zugang. Keine Zahlung geht verloren.',
    },
  },
  held: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName} is paid and waits for you',
      sentence:
        'The buyer has paid, and your node holds the money. On {until} it goes back to the buyer ' +
        'by itself.',
      todo: 'Look at the order, then charge the money or let it go.',
    },
    de: {
      subject: 'Bestellung {orderName} ist bezahlt und wartet auf Sie',
      sentence:
        'Der Käufer hat bezahlt, und Ihr Knoten hält das Geld. Am {until} geht es von selbst an ' +
        'ihn zurück.',
      todo: 'Prüfen Sie die Bestellung, dann ziehen Sie das Geld ein oder geben es zurück.',
    },
  },
  hold_ends: {
    path: '/payments/{paymentId}',
    en: {
      subject: 'Order {orderName}: its money goes back soon',
      sentence: 'The money of this order is held until {until}. Then the buyer has it back.',
      todo: 'Charge it before, if the order is to stand.',
    },
    de: {
      subject: 'Bestellung {orderName}: Das Geld geht bald zurück',
      sentence:
        'Das Geld dieser Bestellung wird bis {until} gehalten. Dann hat es der Käufer zurück.',
      todo: 'Ziehen Sie es vorher ein, wenn die Bestellung bestehen soll.',
    },
  },
  refunds_to_approve: {
    path: '/refunds',
    en: {
      subject: 'Refunds wait for your approval: {count}',
      sentence:
        'Refunds that are larger than what goes out by itself wait for you: {count}. Their ' +
        'buyers get nothing before.',
      todo: 'Approve each, or withdraw it.',
    },
    de: {
      subject: 'Erstattungen warten auf Ihre Zustimmung: {count}',
      sentence:
        'Erstattungen, die größer sind als das, was von selbst hinausgeht, warten auf Sie: ' +
        '{count}. Vorher bekommen die Käufer nichts.',
      todo: 'Stimmen Sie jeder zu, oder ziehen Sie sie zurück.',
    },
  },
  refunds_unseen: {
    path: '/refunds',
    en: {
      subject: 'Claimed refunds are not being paid: {count}',
      sentence:
        'Buyers have claimed refunds on which nobody has worked for ten minutes: {count}. The ' +
        'signer is not running, is paused, or has no node to pay from. Nothing is lost.',
      todo: 'Tell whoever runs this server for you.',
    },
    de: {
      subject: 'Abgerufene Erstattungen werden nicht gezahlt: {count}',
      sentence:
        'Käufer haben Erstattungen abgerufen, an denen seit zehn Minuten niemand arbeitet: ' +
        '{count}. Der Signer läuft nicht, pausiert oder hat keinen Knoten, von dem er zahlt. ' +
        'Nichts ist verloren.',
      todo: 'Sagen Sie es dem, der diesen Server für Sie betreibt.',
    },
  },
  refunds_stuck: {
    path: '/refunds',
    en: {
      subject: 'Claimed refunds cannot be paid: {count}',
      sentence:
        'Buyers have claimed refunds that could not be paid for six hours: {count}. Each says ' +
        'what it waits for: a ceiling, the balance of the paying node, or a way to the buyer. ' +
        'Nothing is lost, and each is tried again by itself.',
      todo: 'Look at the refunds, and at the node that pays them.',
    },
    de: {
      subject: 'Abgerufene Erstattungen lassen sich nicht zahlen: {count}',
      sentence:
        'Käufer haben Erstattungen abgerufen, die sich seit sechs Stunden nicht zahlen lassen: ' +
        '{count}. Jede sagt, worauf sie wartet: eine Obergrenze, das Guthaben des zahlenden ' +
        'Knotens oder einen Weg zum Käufer. Nichts ist verloren; jede wird von selbst wieder ' +
        'versucht.',
      todo: 'Sehen Sie sich die Erstattungen an, und den Knoten, der sie zahlt.',
    },
  },
  refunds_off: {
    path: '/refunds',
    en: {
      subject: 'Refunds wait, and refunds are switched off: {count}',
      sentence:
        'Refunds wait because refunds by Lightning are switched off: {count}. Their buyers get ' +
        'nothing before.',
      todo: 'Switch refunds on in the settings, or withdraw each and say what became of it.',
    },
    de: {
      subject: 'Erstattungen warten und sind abgeschaltet: {count}',
      sentence:
        'Erstattungen warten, weil Erstattungen über Lightning abgeschaltet sind: {count}. ' +
        'Vorher bekommen die Käufer nichts.',
      todo:
        'Schalten Sie Erstattungen in den Einstellungen ein, oder ziehen Sie jede zurück und ' +
        'sagen Sie, was daraus wurde.',
    },
  },
  shares_unpaid: {
    path: '/shares',
    en: {
      subject: 'Shares cannot be paid out: {count}',
      sentence:
        'Receivers of shares could not be paid for a day: {count}. What they are owed stands on ' +
        'the page of shares, with the reason for each.',
      todo: 'Look there: an address may be gone, or the node that pays has no balance.',
    },
    de: {
      subject: 'Anteile lassen sich nicht auszahlen: {count}',
      sentence:
        'Empfänger von Anteilen ließen sich seit einem Tag nicht auszahlen: {count}. Was ihnen ' +
        'zusteht, steht auf der Seite der Anteile, jeweils mit dem Grund.',
      todo: 'Sehen Sie dort nach: Vielleicht gibt es eine Adresse nicht mehr, oder Guthaben fehlt.',
    },
  },
  reconcile_break: {
    path: '/',
    en: {
      subject: 'Order {orderName}: Shopify, Zaptill and your node do not agree',
      sentence: '{sentence}',
      todo: '{todo}',
    },
    de: {
      subject: 'Bestellung {orderName}: Shopify, Zaptill und Ihr Knoten sind sich nicht einig',
      sentence: '{sentence}',
      todo: '{todo}',
    },
  },
  reconcile_breaks: {
    path: '/',
    en: {
      subject: 'Shopify, Zaptill and your node do not agree in {count} more places',
      sentence:
        'The comparison of orders, payments and invoices found {count} more things that do not ' +
        'fit, besides those that you were told of one by one. A node that was restored from an ' +
        'old backup or from its seed is one reason for so many.',
      todo: 'Open Zaptill in your Shopify admin: they are listed there, each with what to do.',
    },
    de: {
      subject: 'Shopify, Zaptill und Ihr Knoten sind sich an {count} weiteren Stellen nicht einig',
      sentence:
        'Der Abgleich von Bestellungen, Zahlungen und Rechnungen fand {count} weitere Dinge, die ' +
        'nicht zusammenpassen, neben denen, die Ihnen einzeln gemeldet wurden. Ein Knoten, der ' +
        'aus einem alten Backup oder aus seinem Seed wiederhergestellt wurde, ist ein Grund für ' +
        'so viele.',
      todo:
        'Öffnen Sie Zaptill in Ihrer Shopify-Verwaltung: Dort stehen sie, jedes mit dem, was zu ' +
        'tun ist.',
    },
  },
  test: {
    path: '/settings',
    en: {
      subject: 'This is a test alert',
      sentence: 'You asked Zaptill for a test alert, and it has arrived.',
      todo: 'There is nothing to do.',
    },
    de: {
      subject: 'Das ist eine Testmeldung',
      sentence: 'Sie haben Zaptill um eine Testmeldung gebeten, und sie ist angekommen.',
      todo: 'Es ist nichts zu tun.',
    },
  },
} as const satisfies Record<string, AlertWords>;

type Said = { subject: string; sentence: string; todo: string };
type AlertWords = { path: string; en: Said; de: Said };
export type AlertWord = keyof typeof words;
export const alertWords = Object.keys(words) as AlertWord[];

/** For a word that a newer program has written. */
const unknown: AlertWords = {
  path: '/',
  en: {
    subject: 'Something in Zaptill needs you',
    sentence: 'Something in Zaptill needs you.',
    todo: 'Open Zaptill in your Shopify admin.',
  },
  de: {
    subject: 'Etwas in Zaptill braucht Sie',
    sentence: 'Etwas in Zaptill braucht Sie.',
    todo: 'Öffnen Sie Zaptill in Ihrer Shopify-Verwaltung.',
  },
};

export type AlertFacts = Readonly<Record<string, string>>;
export type AlertText = Said & { path: string };

/** What an alert says. A language that has no words here is told in English. */
export function alertText(what: string, about: AlertFacts, spoken: string | null): AlertText {
  const known = Object.hasOwn(words, what) ? words[what as AlertWord] : unknown;
  const language = spoken?.split('-')[0] === 'de' ? 'de' : 'en';
  const said: Said = known[language];
  // What did not fit in a reconciliation has words of its own for each thing.
  const facts =
    what === 'reconcile_break'
      ? { ...about, ...breakSaid(about['break'] ?? '', about, language) }
      : about;
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (_, name: string) => facts[name] ?? '–');
  return {
    subject: fill(said.subject),
    sentence: fill(said.sentence),
    todo: fill(said.todo),
    path: fill(known.path),
  };
}

export const alertRules = {
  unreachableMs: 10 * 60_000,
  /** Below this a node is said to receive little, unless the merchant set a largest amount. */
  receivableLowMsat: msat(100_000_000n) satisfies Msat,
  /** So many days before its end a credential is told of, and once more at the second of them. */
  credentialDays: [14, 2],
  /** An alert that did not get through for so long is given up. */
  giveUpMs: 24 * 3_600_000,
  /** So long a secret signs beside the one that has replaced it. */
  oldSecretMs: 24 * 3_600_000,
} as const;

/** A letter as it leaves. `id` stays the same over its repetitions. */
export type Letter = { id: string; to: string; subject: string; text: string };
/** A post to an address that a merchant gave. */
export type SignedPost = {
  url: string;
  body: string;
  /** Each signs it: the shop's secret first, then those that it has replaced not long ago. */
  secrets: readonly Uint8Array[];
  at: Date;
};

/** The ways out. Each throws Trouble from `alert`; a time-out is `ask_again`. */
export type AlertWays = {
  /** Undefined: this server sends no e-mail. */
  email: ((letter: Letter) => Promise<void>) | undefined;
  url: (post: SignedPost) => Promise<void>;
  /** Whether an address has a form that could be posted to at all. Asks nobody. */
  mayBePostedTo: (url: string) => boolean;
};
