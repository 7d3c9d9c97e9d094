// What did not fit, in words for a merchant: what is so, and what to do about it. `{...}` stands
// for a fact of the break.
import type { BreakWord } from './reconcile.ts';

export type BreakSaid = { sentence: string; todo: string };

export const breakWords = {
  pending_order_unknown: {
    en: {
      sentence: 'Order {orderName} waits for its Lightning payment, and no pay page could be made.',
      todo: 'Open the order: if it is right, check again; else cancel it there.',
    },
    de: {
      sentence:
        'Bestellung {orderName} wartet auf ihre Lightning-Zahlung, und es ließ sich keine ' +
        'Bezahlseite dafür erstellen.',
      todo:
        'Öffnen Sie die Bestellung: Ist sie richtig, prüfen Sie noch einmal, sonst ' +
        'stornieren Sie sie.',
    },
  },
  owed_differs: {
    en: {
      sentence:
        'Order {orderName} owes {amount} {currency}, and its pay page asks for another sum.',
      todo:
        'Check again in a minute. If it stays so, cancel the order and ask the buyer to ' +
        'repeat it.',
    },
    de: {
      sentence:
        'Bei Bestellung {orderName} sind {amount} {currency} offen, und ihre Bezahlseite nennt ' +
        'einen anderen Betrag.',
      todo:
        'Prüfen Sie in einer Minute noch einmal. Bleibt es so, stornieren Sie die Bestellung und ' +
        'bitten Sie um eine neue.',
    },
  },
  open_but_over: {
    en: {
      sentence: 'Order {orderName} needs no payment any more, and its pay page is still open.',
      todo: 'Check again in a minute. If it stays so, tell the buyer not to pay.',
    },
    de: {
      sentence:
        'Bestellung {orderName} braucht keine Zahlung mehr, und ihre Bezahlseite ist noch offen.',
      todo:
        'Prüfen Sie in einer Minute noch einmal. Bleibt es so, sagen Sie der Käuferin oder ' +
        'dem Käufer, dass nichts mehr zu zahlen ist.',
    },
  },
  order_paid_without_money: {
    en: {
      sentence:
        'Shopify has {amount} {currency} of order {orderName} as paid by Lightning, and no such ' +
        'money came to your node.',
      todo:
        'See in the order’s timeline who marked it as paid. If you were paid in another way, say ' +
        'that you have dealt with it; else do not send the goods.',
    },
    de: {
      sentence:
        'Shopify führt {amount} {currency} der Bestellung {orderName} als über Lightning ' +
        'bezahlt, ' +
        'und auf Ihrem Knoten kam kein solches Geld an.',
      todo:
        'Sehen Sie im Verlauf der Bestellung nach, wer sie als bezahlt markiert hat. Wurden Sie ' +
        'anders bezahlt, sagen Sie, dass Sie sich darum gekümmert haben; sonst versenden Sie ' +
        'nichts.',
    },
  },
  money_without_order_paid: {
    en: {
      sentence:
        'Your node was paid for order {orderName}, and Shopify does not have {amount} {currency} ' +
        'of it as paid.',
      todo: 'Open the order and mark it as paid, or give the money back to the buyer.',
    },
    de: {
      sentence:
        'Ihr Knoten wurde für Bestellung {orderName} bezahlt, und Shopify führt {amount} ' +
        '{currency} davon nicht als bezahlt.',
      todo:
        'Öffnen Sie die Bestellung und markieren Sie sie als bezahlt, oder geben Sie das ' +
        'Geld zurück.',
    },
  },
  settled_at_node_unrecorded: {
    en: {
      sentence:
        'Your node says that an invoice of order {orderName} was paid, and gives no proof of it.',
      todo: 'Look the invoice up on your node by its hash, {hash}.',
    },
    de: {
      sentence:
        'Ihr Knoten meldet eine Rechnung der Bestellung {orderName} als bezahlt und belegt ' +
        'es nicht.',
      todo: 'Suchen Sie die Rechnung auf Ihrem Knoten mit ihrem Hash, {hash}.',
    },
  },
  recorded_not_at_node: {
    en: {
      sentence:
        'Order {orderName} was paid with {here} sats, and your node does not know of it any more.',
      todo: 'Was the node restored from an old backup? Check its balance and its invoice {hash}.',
    },
    de: {
      sentence:
        'Bestellung {orderName} wurde mit {here} Sats bezahlt, und Ihr Knoten weiß davon ' +
        'nichts mehr.',
      todo:
        'Wurde der Knoten aus einer alten Sicherung hergestellt? Prüfen Sie sein Guthaben ' +
        'und die Rechnung {hash}.',
    },
  },
  amount_differs: {
    en: {
      sentence:
        'For order {orderName} your node shows {there} sats, and we have {here} sats in our books.',
      todo: 'Look the invoice up on your node by its hash, {hash}, before you send the goods.',
    },
    de: {
      sentence:
        'Für Bestellung {orderName} zeigt Ihr Knoten {there} Sats, und in unseren Büchern stehen ' +
        '{here} Sats.',
      todo: 'Suchen Sie die Rechnung auf Ihrem Knoten mit ihrem Hash, {hash}, bevor Sie versenden.',
    },
  },
  live_not_at_node: {
    en: {
      sentence: 'The invoice that the buyer of order {orderName} sees is unknown to your node.',
      todo: 'It ends by itself, and the page makes another. Was the node restored from a backup?',
    },
    de: {
      sentence:
        'Die Rechnung auf der Bezahlseite der Bestellung {orderName} kennt Ihr Knoten nicht.',
      todo:
        'Sie läuft von selbst ab, und die Seite erstellt eine neue. Wurde der Knoten aus ' +
        'einer Sicherung hergestellt?',
    },
  },
  live_unwatched: {
    en: {
      sentence: 'An invoice of order {orderName} can be paid, and nobody looks after it.',
      todo: 'Tell whoever runs your Zaptill server that its worker may not be running.',
    },
    de: {
      sentence:
        'Eine Rechnung der Bestellung {orderName} kann bezahlt werden, und niemand sieht nach ihr.',
      todo:
        'Sagen Sie der Betreiberin oder dem Betreiber des Zaptill-Servers, dass der Worker ' +
        'vielleicht nicht läuft.',
    },
  },
  ended_payable_at_node: {
    en: {
      sentence: 'An invoice of order {orderName} that has ended can still be paid on your node.',
      todo: 'Cancel it on the node: lncli cancelinvoice {hash}',
    },
    de: {
      sentence:
        'Eine beendete Rechnung der Bestellung {orderName} kann auf Ihrem Knoten noch ' +
        'bezahlt werden.',
      todo: 'Stornieren Sie sie auf dem Knoten: lncli cancelinvoice {hash}',
    },
  },
} as const satisfies Record<BreakWord, Record<'en' | 'de', BreakSaid>>;

/** Of a break that a newer program has written. */
const unknown: Record<'en' | 'de', BreakSaid> = {
  en: {
    sentence: 'Shopify, Zaptill and your node do not agree about order {orderName}.',
    todo: 'Open the order and look.',
  },
  de: {
    sentence: 'Shopify, Zaptill und Ihr Knoten sind sich über Bestellung {orderName} nicht einig.',
    todo: 'Öffnen Sie die Bestellung und sehen Sie nach.',
  },
};

/** What a break says. A word of a newer program has a sentence that fits every break. */
export function breakSaid(
  what: string,
  about: Readonly<Record<string, string>>,
  language: 'en' | 'de' = 'en',
): BreakSaid {
  const known = Object.hasOwn(breakWords, what) ? breakWords[what as BreakWord] : undefined;
  const said: BreakSaid = (known ?? unknown)[language];
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (_, name: string) => about[name] ?? '–');
  return { sentence: fill(said.sentence), todo: fill(said.todo) };
}
