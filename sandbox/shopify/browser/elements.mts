/**
 * The components of a UI extension, drawn by custom elements: enough of `s-*` for a payment block,
 * with the attributes of 2026-07. An element that is not here is reported by the host.
 */

import { generate } from 'lean-qr';
import look from './elements.css';

const SHEET = new CSSStyleSheet();
SHEET.replaceSync(look);

const GAPS: Record<string, string> = {
  none: '0',
  'small-500': '.1rem',
  'small-400': '.2rem',
  'small-300': '.3rem',
  'small-200': '.45rem',
  'small-100': '.6rem',
  small: '.6rem',
  base: '1rem',
  large: '1.5rem',
  'large-100': '1.5rem',
  'large-200': '2rem',
  'large-300': '2.5rem',
  'large-400': '3rem',
  'large-500': '4rem',
};

function made<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string | null> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (value !== null) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const slot = (name?: string) => made('slot', { name: name ?? null });

/** Attributes that drawing itself sets. */
const OWN = new Set(['style', 'slot', 'role']);

abstract class Drawn extends HTMLElement {
  readonly #root = this.attachShadow({ mode: 'open', delegatesFocus: true });
  #observer: MutationObserver | undefined;

  connectedCallback(): void {
    this.#root.adoptedStyleSheets = [SHEET];
    this.#again();
    this.#observer = new MutationObserver((changes) => {
      if (changes.some((change) => !OWN.has(change.attributeName ?? ''))) this.#again();
    });
    this.#observer.observe(this, { attributes: true });
  }
  disconnectedCallback(): void {
    this.#observer?.disconnect();
  }
  #again(): void {
    this.#root.replaceChildren(...this.draw());
  }
  /** Attributes by their own names; the parser has made them lower-case. */
  ask(name: string): string | null {
    return this.getAttribute(name.toLowerCase());
  }
  is(name: string): boolean {
    const value = this.ask(name);
    return value !== null && value !== 'false';
  }
  display(value: string): void {
    this.style.display = this.hidden ? '' : value;
  }
  abstract draw(): Node[];
}

class Section extends Drawn {
  draw(): Node[] {
    const heading = this.ask('heading');
    const label = this.ask('accessibilityLabel') ?? heading;
    const title = heading === null ? [] : [made('h2', {}, heading)];
    return [made('section', { class: 'section', 'aria-label': label }, ...title, slot())];
  }
}

class Stack extends Drawn {
  draw(): Node[] {
    const inline = this.ask('direction') === 'inline';
    const stack = made('div', { class: 'stack', role: this.ask('accessibilityRole') }, slot());
    stack.style.flexDirection = inline ? 'row' : 'column';
    stack.style.flexWrap = inline ? 'wrap' : 'nowrap';
    stack.style.gap = GAPS[this.ask('gap') ?? 'none'] ?? '0';
    stack.style.padding = GAPS[this.ask('padding') ?? 'none'] ?? '0';
    stack.style.alignItems = this.ask('alignItems') ?? (inline ? 'center' : 'stretch');
    stack.style.justifyContent = this.ask('justifyContent') ?? 'normal';
    this.style.maxInlineSize = this.ask('maxInlineSize') ?? '';
    return [stack];
  }
}

class Text extends Drawn {
  draw(): Node[] {
    this.display('inline');
    const type = this.ask('type') ?? 'generic';
    const name =
      { strong: 'strong', small: 'small', emphasis: 'em', redundant: 's' }[type] ?? 'span';
    const text = made(name as 'span', { dir: this.ask('dir') }, slot());
    if (this.ask('color') === 'subdued') text.style.color = 'var(--soft)';
    if (this.ask('tone') === 'critical') text.className = 'critical';
    if (this.ask('accessibilityVisibility') === 'exclusive') text.className = 'only-heard';
    if (this.ask('accessibilityVisibility') === 'hidden') text.setAttribute('aria-hidden', 'true');
    text.style.overflowWrap = 'anywhere';
    return [text];
  }
}

class Paragraph extends Drawn {
  draw(): Node[] {
    const text = made('p', {}, slot());
    if (this.ask('color') === 'subdued') text.style.color = 'var(--soft)';
    if (this.ask('type') === 'small') text.style.fontSize = '.875rem';
    text.style.overflowWrap = 'anywhere';
    return [text];
  }
}

class Heading extends Drawn {
  draw(): Node[] {
    return [made('h2', {}, slot())];
  }
}

class Box extends Drawn {
  draw(): Node[] {
    const box = made('div', { role: this.ask('accessibilityRole') }, slot());
    box.style.padding = GAPS[this.ask('padding') ?? 'none'] ?? '0';
    return [box];
  }
}

class Divider extends Drawn {
  draw(): Node[] {
    return [made('hr')];
  }
}

class Banner extends Drawn {
  ondismiss = null;
  draw(): Node[] {
    const tone = this.ask('tone') ?? 'auto';
    const heading = this.ask('heading');
    const role = tone === 'critical' ? 'alert' : 'status';
    const title = heading === null ? [] : [made('strong', {}, heading)];
    return [
      made(
        'div',
        { class: `banner ${tone}`, role },
        ...title,
        made('div', { class: 'rest' }, slot()),
      ),
    ];
  }
}

/** What `command` and `commandFor` do to another element. */
function command(from: Drawn): void {
  const id = from.ask('commandFor');
  const target = id === null ? null : document.getElementById(id);
  if (target === null) return;
  const what = from.ask('command') ?? '--auto';
  if (target instanceof Clipboard && (what === '--copy' || what === '--auto')) void target.copy();
  else if (what === '--show') target.hidden = false;
  else if (what === '--hide') target.hidden = true;
  else if (what === '--toggle') target.hidden = !target.hidden;
}

/** In checkout, `auto` stays on the page for links inside and leaves the frame for others. */
const targetOf = (element: Drawn): string => {
  const target = element.ask('target');
  return target === null || target === 'auto' || target === '_self' ? '_top' : target;
};

class Button extends Drawn {
  draw(): Node[] {
    this.display(this.ask('inlineSize') === 'fill' ? 'block' : 'inline-block');
    const href = this.ask('href');
    const loading = this.is('loading');
    const variant = this.ask('variant') ?? 'auto';
    const classes = [variant, this.ask('tone') ?? ''].join(' ');
    const label = this.ask('accessibilityLabel');
    const spinner = loading ? [made('i', { class: 'spin small' })] : [];
    if (href !== null && !this.is('disabled')) {
      const target = targetOf(this);
      const common = { class: `button ${classes}`, href, target, 'aria-label': label };
      return [made('a', { ...common, rel: 'noopener' }, slot())];
    }
    const attributes = { type: 'button', class: classes, 'aria-label': label };
    const button = made('button', attributes, ...spinner, slot());
    button.disabled = this.is('disabled') || loading;
    button.addEventListener('click', () => {
      command(this);
    });
    return [button];
  }
}

class Link extends Drawn {
  draw(): Node[] {
    this.display('inline');
    const href = this.ask('href');
    const label = this.ask('accessibilityLabel');
    const attributes = { class: 'link', href: href ?? '#', 'aria-label': label, rel: 'noopener' };
    const link = made('a', { ...attributes, target: targetOf(this) }, slot());
    link.addEventListener('click', (event) => {
      if (href === null) event.preventDefault();
      command(this);
    });
    return [link];
  }
}

const SVG = 'http://www.w3.org/2000/svg';

class QrCode extends Drawn {
  draw(): Node[] {
    const content = this.ask('content') ?? '';
    const label = this.ask('accessibilityLabel') ?? 'QR code';
    try {
      const code = generate(content);
      const side = code.size + 2;
      const svg = document.createElementNS(SVG, 'svg');
      svg.setAttribute('viewBox', `-1 -1 ${side} ${side}`);
      svg.setAttribute('role', 'img');
      svg.setAttribute('aria-label', label);
      svg.setAttribute('shape-rendering', 'crispEdges');
      const path = document.createElementNS(SVG, 'path');
      let d = '';
      for (let y = 0; y < code.size; y += 1)
        for (let x = 0; x < code.size; x += 1) if (code.get(x, y)) d += `M${x} ${y}h1v1h-1z`;
      path.setAttribute('d', d);
      svg.append(path);
      const classes = `qr ${this.ask('size') ?? ''} ${this.ask('border') ?? ''}`;
      const frame = made('div', { class: classes });
      frame.append(svg);
      return [frame];
    } catch {
      queueMicrotask(() => this.dispatchEvent(new Event('error')));
      return [];
    }
  }
}

class Clipboard extends Drawn {
  oncopyerror = null;
  draw(): Node[] {
    this.style.display = 'none';
    return [];
  }
  async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.ask('text') ?? '');
      this.dispatchEvent(new Event('copy'));
    } catch {
      this.dispatchEvent(new Event('copyerror'));
    }
  }
}

class Spinner extends Drawn {
  draw(): Node[] {
    this.display('inline-block');
    const label = this.ask('accessibilityLabel');
    const size = (this.ask('size') ?? 'base').split('-')[0] ?? '';
    const role = label === null ? null : 'img';
    return [made('i', { class: `spin ${size}`, role, 'aria-label': label })];
  }
}

class Skeleton extends Drawn {
  draw(): Node[] {
    return [
      made('div', { class: 'bones', 'aria-hidden': 'true' }, made('i'), made('i'), made('i')),
    ];
  }
}

class Details extends Drawn {
  draw(): Node[] {
    const details = made('details', {}, made('summary', {}, slot('summary')), slot());
    details.open = this.is('open') || this.is('defaultOpen');
    details.addEventListener('toggle', () => this.dispatchEvent(new Event('toggle')));
    return [details];
  }
}

class Summary extends Drawn {
  draw(): Node[] {
    if (this.slot !== 'summary') this.slot = 'summary';
    this.display('inline');
    return [slot()];
  }
}

class Badge extends Drawn {
  draw(): Node[] {
    this.display('inline-block');
    return [made('span', { class: `badge ${this.ask('tone') ?? 'info'}` }, slot())];
  }
}

class Time extends Drawn {
  draw(): Node[] {
    this.display('inline');
    return [made('time', { datetime: this.ask('dateTime') }, slot())];
  }
}

class List extends Drawn {
  draw(): Node[] {
    const list = made('div', { role: 'list' }, slot());
    list.style.paddingInlineStart = '1.2rem';
    return [list];
  }
}

class ListItem extends Drawn {
  draw(): Node[] {
    this.setAttribute('role', 'listitem');
    this.display('list-item');
    return [slot()];
  }
}

const ELEMENTS: Record<string, CustomElementConstructor> = {
  's-section': Section,
  's-stack': Stack,
  's-grid': class extends Stack {},
  's-grid-item': class extends Box {},
  's-text': Text,
  's-paragraph': Paragraph,
  's-heading': Heading,
  's-box': Box,
  's-divider': Divider,
  's-banner': Banner,
  's-announcement': class extends Banner {},
  's-button': Button,
  's-link': Link,
  's-clickable': class extends Link {},
  's-qr-code': QrCode,
  's-clipboard-item': Clipboard,
  's-spinner': Spinner,
  's-skeleton-paragraph': Skeleton,
  's-details': Details,
  's-summary': Summary,
  's-badge': Badge,
  's-time': Time,
  's-unordered-list': List,
  's-ordered-list': class extends List {},
  's-list-item': ListItem,
};

for (const [name, element] of Object.entries(ELEMENTS)) customElements.define(name, element);
