import { Banner, Page } from '@shopify/polaris';
import { Component, type ReactNode } from 'react';
import { useLocation } from 'react-router';
import { useWords } from '../words.tsx';
import { appItself } from './admin-links.ts';

/**
 * A page that breaks says so and has a way out, and the others still open. It breaks when its code
 * is gone because the server was updated since the frame was loaded, or when we are wrong.
 */
export function PageGuard({ children }: { children: ReactNode }) {
  const { pathname } = useLocation();
  return <Guard path={pathname}>{children}</Guard>;
}

class Guard extends Component<{ path: string; children: ReactNode }, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError(): { isBroken: boolean } {
    return { isBroken: true };
  }

  override componentDidUpdate(last: { path: string }): void {
    if (this.state.isBroken && last.path !== this.props.path) this.setState({ isBroken: false });
  }

  override render(): ReactNode {
    return this.state.isBroken ? <Broken path={this.props.path} /> : this.props.children;
  }
}

function Broken({ path }: { path: string }) {
  const { t } = useWords();
  return (
    <Page title={t('page.broken.title')}>
      <Banner
        tone="warning"
        title={t('page.broken.heading')}
        action={{ content: t('page.broken.action'), url: appItself(path) }}
      >
        <p>{t('page.broken.text')}</p>
      </Banner>
    </Page>
  );
}
