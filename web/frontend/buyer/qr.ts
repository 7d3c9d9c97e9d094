// The QR code, drawn on the server: it stands in the page without any script.
import { correction, generate, mode } from 'lean-qr';
import { asHtml, html, type Html } from './html.ts';

/** Modules around the code, white and part of the picture (ISO 18004 asks for four). */
const quiet = 4;

/**
 * What the code holds. A BOLT11 in upper case takes 5.5 bits a letter instead of 8; the scheme
 * stays in lower case, because there are wallets that compare it letter by letter.
 */
export const qrContent = (request: string): string => `${scheme}${request.toUpperCase()}`;
const scheme = 'lightning:';

/** How the content is written: said here, because finding it out letter by letter is most work. */
function modeOf(content: string): Parameters<typeof generate>[0] {
  const rest = content.slice(scheme.length);
  if (!content.startsWith(scheme) || /[^0-9A-Z]/.test(rest)) return content;
  return mode.multi(mode.ascii(scheme), mode.alphaNumeric(rest));
}

/**
 * Which of the eight masks. Drawing all of them to choose the one with the fewest blots is nine
 * tenths of the work, and an invoice is as good as random letters: under any mask it has as few.
 */
const mask = 0;

/**
 * One stroked path with a stroke for each run of dark modules and relative moves: a third of the
 * bytes of a rectangle for each module. Always black on its own white square: inverted codes do not
 * scan. The smallest version that fits comes first, then the best correction that it has room for.
 */
export function qrSvg(content: string, label: string): Html {
  const code = generate(modeOf(content), {
    minCorrectionLevel: correction.L,
    maxCorrectionLevel: correction.H,
    mask,
  });
  const side = code.size + 2 * quiet;
  let path = '';
  for (let y = 0; y < code.size; y += 1) {
    let end = -1;
    for (let x = 0; x < code.size; x += 1) {
      if (!code.get(x, y)) continue;
      let run = 1;
      while (code.get(x + run, y)) run += 1;
      path += end < 0 ? `M${x + quiet} ${y + quiet}.5h${run}` : `m${x - end} 0h${run}`;
      end = x + run;
      x = end;
    }
  }
  return html`<svg
    class="qr"
    viewBox="0 0 ${side} ${side}"
    role="img"
    aria-label="${label}"
    shape-rendering="crispEdges"
  >
    <path fill="#fff" d="M0 0h${side}v${side}H0z" />
    <path stroke="#000" d="${asHtml(path)}" />
  </svg>`;
}
