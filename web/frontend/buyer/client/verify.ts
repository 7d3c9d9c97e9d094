// The script of the page that checks a receipt. It reads what a person gives it, says what comes
// out, and asks nobody anything: the page's policy forbids it, and so does a copy on a disk.
import { checkReceipt } from '../../shared/receipt.ts';

function at<T extends typeof Element>(id: string, kind: T): InstanceType<T> {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found as InstanceType<T>;
}
const words = JSON.parse(at('view', HTMLElement).textContent) as Record<string, string>;
const say = (word: string, values: Readonly<Record<string, string>> = {}): string =>
  (words[word] ?? word).replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);

const text = at('text', HTMLTextAreaElement);
const file = at('file', HTMLInputElement);
const outcome = at('outcome', HTMLElement);

function show(tone: 'good' | 'bad', head: string, sentences: readonly string[]): void {
  const title = document.createElement('p');
  title.className = 'verdict';
  title.textContent = head;
  const rest = sentences.map((sentence) => {
    const line = document.createElement('p');
    line.textContent = sentence;
    return line;
  });
  outcome.dataset['tone'] = tone;
  outcome.replaceChildren(title, ...rest);
}

/** Satoshis of msat, as digits. */
const satsOf = (msat: string): string =>
  `${msat.slice(0, -3) || '0'}.${msat.slice(-3).padStart(3, '0')}`.replace(/\.?0+$/, '');

async function check(): Promise<void> {
  const checked = await checkReceipt(text.value);
  if (!checked.ok) {
    const why = checked.faults.map((fault) => say(`verify.${fault}`));
    show('bad', say('verify.bad'), why);
    return;
  }
  const { receipt, request, isFiatSigned } = checked;
  const values = {
    ...{ node: request.node, memo: request.memo ?? '', network: request.network },
    ...{ sats: satsOf(receipt.amountMsat), shop: receipt.shop },
  };
  const isTest = request.network !== 'mainnet';
  const more = isTest ? [say('verify.test')] : [];
  show('good', say('verify.good'), [
    say('verify.good.text', values),
    say(isFiatSigned ? 'verify.stated' : 'verify.stated.fiat'),
    ...more,
  ]);
}

at('check', HTMLElement).addEventListener('submit', (event) => {
  event.preventDefault();
  void check();
});
file.addEventListener('change', () => {
  const [chosen] = file.files ?? [];
  if (chosen === undefined) return;
  void chosen.text().then((read) => {
    text.value = read;
    return check();
  });
});
