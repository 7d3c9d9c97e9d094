import { NavMenu } from '@shopify/app-bridge-react';
import { AppProvider } from '@shopify/polaris';
import {
  lazy,
  Suspense,
  useEffect,
  useRef,
  useState,
  type MouseEvent,
  type ReactNode,
} from 'react';
import { BrowserRouter, Link, Route, Routes, useLocation, useNavigate } from 'react-router';
import { Home } from './pages/home.tsx';
import { NotHere } from './pages/not-here.tsx';
import { PageGuard } from './parts/page-guard.tsx';
import { WaitingPage } from './parts/waiting-page.tsx';
import { LanguageContext, loadLanguage, useWords, WordsProvider, type Language } from './words.tsx';

const Node = lazy(() => import('./pages/node.tsx'));
const Operation = lazy(() => import('./pages/operation.tsx'));
const Payments = lazy(() => import('./pages/payments.tsx'));
const Payment = lazy(() => import('./pages/payment.tsx'));
const Refunds = lazy(() => import('./pages/refunds.tsx'));
const Settings = lazy(() => import('./pages/settings.tsx'));
const Shares = lazy(() => import('./pages/shares.tsx'));
const Setup = lazy(() => import('./pages/setup.tsx'));

type PolarisLinkProps = {
  url?: string;
  external?: boolean;
  target?: string;
  children?: ReactNode;
  onClick?: ((event: MouseEvent<HTMLAnchorElement>) => void) | undefined;
  [rest: string]: unknown;
};

/**
 * Polaris draws every link with this, so that a click inside the app is a change of route and no
 * page load. While the save bar is open the admin guards its own menu only: a link of ours asks
 * for leave itself.
 */
function PolarisLink({ url = '', external, target, children, onClick, ...rest }: PolarisLinkProps) {
  const navigate = useNavigate();
  const handed = onClick === undefined ? {} : { onClick };
  if (/^[a-z]+:/.test(url)) {
    const where = target ?? (external === true ? '_blank' : '_top');
    return (
      <a {...rest} {...handed} href={url} target={where} rel="noopener noreferrer">
        {children}
      </a>
    );
  }
  const leave = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    const bar = document.querySelector<UISaveBarElement>('ui-save-bar');
    if (event.defaultPrevented || bar?.showing !== true) return;
    event.preventDefault();
    void shopify.saveBar.leaveConfirmation().then(() => navigate(url));
  };
  return (
    <Link {...rest} to={url} onClick={leave}>
      {children}
    </Link>
  );
}

function Menu() {
  const { t } = useWords();
  return (
    <NavMenu>
      <a href="/" rel="home">
        {t('nav.home')}
      </a>
      <a href="/payments">{t('nav.payments')}</a>
      <a href="/refunds">{t('nav.refunds')}</a>
      <a href="/shares">{t('nav.shares')}</a>
      <a href="/node">{t('nav.node')}</a>
      <a href="/operation">{t('nav.operation')}</a>
      <a href="/settings">{t('nav.settings')}</a>
    </NavMenu>
  );
}

/** A change of route moves neither focus nor scroll: a screen reader would stay where it was. */
function MoveFocus() {
  const { pathname } = useLocation();
  const last = useRef(pathname);
  useEffect(() => {
    if (last.current === pathname) return;
    last.current = pathname;
    window.scrollTo(0, 0);
    document.querySelector('main')?.focus({ preventScroll: true });
  }, [pathname]);
  return null;
}

export function Pages() {
  return (
    <PageGuard>
      <Suspense fallback={<WaitingPage />}>
        <Routes>
          <Route path="/" element={<Home />} />
          <Route path="/setup" element={<Setup />} />
          <Route path="/node" element={<Node />} />
          <Route path="/payments" element={<Payments />} />
          <Route path="/payments/:id" element={<Payment />} />
          <Route path="/refunds" element={<Refunds />} />
          <Route path="/shares" element={<Shares />} />
          <Route path="/operation" element={<Operation />} />
          <Route path="/settings" element={<Settings />} />
          <Route path="*" element={<NotHere />} />
        </Routes>
      </Suspense>
    </PageGuard>
  );
}

/** What every page stands in, whatever the router. */
export function Around({ language, children }: { language: Language; children: ReactNode }) {
  return (
    <AppProvider i18n={language.polaris} linkComponent={PolarisLink}>
      <WordsProvider language={language}>{children}</WordsProvider>
    </AppProvider>
  );
}

/** `language` is the one to begin with: the merchant may choose another on the settings page. */
export function App({ language: first }: { language: Language }) {
  const [language, setLanguage] = useState(first);
  const change = (chosen: string | null): void => {
    const asked = chosen ?? shopify.config.locale ?? 'en';
    void loadLanguage(asked).then((next) => {
      document.documentElement.lang = next.locale;
      setLanguage(next);
    });
  };
  return (
    <LanguageContext.Provider value={change}>
      <Around language={language}>
        <BrowserRouter>
          <Menu />
          <MoveFocus />
          <main tabIndex={-1}>
            <Pages />
          </main>
        </BrowserRouter>
      </Around>
    </LanguageContext.Provider>
  );
}
