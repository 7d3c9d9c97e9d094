// MERCHANT: the pages inside Shopify's admin. They show what the server says and send what the
// merchant enters. They keep no secret longer than the form that it was typed into, decide nothing
// about money, and turn no amount into a floating number. Polaris and React stay in this room: the
// licence allows them in Shopify's admin only, and a shopper's page must be light.
import '@shopify/polaris/build/esm/styles.css';
import './merchant.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { loadLanguage } from './words.tsx';

const place = document.getElementById('app');
if (place === null) throw new Error('The document has no #app.');

if ('shopify' in window) {
  const chosen = document.querySelector<HTMLMetaElement>('meta[name="zaptill-language"]')?.content;
  const language = await loadLanguage(chosen ?? shopify.config.locale ?? 'en');
  document.documentElement.lang = language.locale;
  createRoot(place).render(
    <StrictMode>
      <App language={language} />
    </StrictMode>,
  );
} else {
  // Without App Bridge there is no proof of who asks, and so nothing to show.
  place.replaceChildren(wayBack());
}

function wayBack(): HTMLElement {
  const shop = document.querySelector<HTMLMetaElement>('meta[name="zaptill-shop"]')?.content;
  const sentence = document.createElement('p');
  sentence.className = 'zt-plain';
  const link = document.createElement('a');
  link.href = `https://${shop ?? 'admin.shopify.com'}/admin/apps`;
  link.target = '_top';
  link.textContent = 'open Zaptill again from your admin';
  sentence.append(
    'Shopify’s own script did not load. Check your connection and any content blocker, then ',
    link,
    '.',
  );
  return sentence;
}
