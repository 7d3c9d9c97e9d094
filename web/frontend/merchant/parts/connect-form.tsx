import { useAppBridge } from '@shopify/app-bridge-react';
import {
  BlockStack,
  Button,
  Card,
  ChoiceList,
  Form,
  FormLayout,
  InlineStack,
  Spinner,
  Text,
  TextField,
} from '@shopify/polaris';
import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react';
import { useWords } from '../words.tsx';
import { Failed } from './failed.tsx';
import { SecretField } from './secret-field.tsx';
import { isAboutCredential, type Typed, type useConnect } from './use-connect.ts';

const PictureField = lazy(() => import('./picture-field.tsx'));

type Connect = ReturnType<typeof useConnect>;

/** The node, as one link or in its parts. It keeps what was typed, whatever comes back. */
export function ConnectForm(props: {
  connect: Connect;
  title?: string;
  /** What else is to be chosen, above the button. */
  children?: ReactNode;
}) {
  const { t } = useWords();
  const { connect, title = t('connect.title'), children } = props;
  const { typed, change, send, isTesting, trouble } = connect;
  return (
    <Card>
      <Form onSubmit={() => void send()}>
        <FormLayout>
          <Text as="h2" variant="headingMd">
            {title}
          </Text>
          <ChoiceList
            title={t('connect.way')}
            choices={[
              { value: 'link', label: t('connect.way.link'), disabled: isTesting },
              { value: 'picture', label: t('connect.way.picture'), disabled: isTesting },
              { value: 'parts', label: t('connect.way.parts'), disabled: isTesting },
            ]}
            selected={[typed.way]}
            onChange={([way]) => change({ way: way as Typed['way'] })}
          />
          {typed.way === 'link' && <Link connect={connect} />}
          {typed.way === 'picture' && <Picture connect={connect} />}
          {typed.way === 'parts' && <Parts connect={connect} />}
          {children}
          {trouble !== undefined && <Failed title={t('connect.failed')} trouble={trouble} />}
          {isTesting && <Testing host={typed.way === 'parts' ? typed.host.trim() : ''} />}
          <InlineStack align="end">
            <Button submit variant="primary" loading={isTesting} disabled={typed.way === 'picture'}>
              {t('connect.submit')}
            </Button>
          </InlineStack>
        </FormLayout>
      </Form>
    </Card>
  );
}

/** A picture that was read becomes the link, which stays as hidden as a pasted one. */
function Picture({ connect: { change } }: { connect: Connect }) {
  const { t } = useWords();
  const bridge = useAppBridge();
  return (
    <Suspense fallback={<Spinner size="small" accessibilityLabel={t('waiting')} />}>
      <PictureField
        found={(link) => {
          change({ way: 'link', link });
          bridge.toast.show(t('connect.picture.read'));
        }}
      />
    </Suspense>
  );
}

function Link({ connect: { typed, change, errorOf, isTesting } }: { connect: Connect }) {
  const { t } = useWords();
  return (
    <SecretField
      id="zt-link"
      label={t('connect.link')}
      placeholder="lndconnect://"
      helpText={t('connect.link.help')}
      value={typed.link}
      onChange={(link) => change({ link })}
      error={errorOf('link')}
      disabled={isTesting}
    />
  );
}

function Parts({ connect }: { connect: Connect }) {
  const { t } = useWords();
  const { typed, change, errorOf, isTesting, refused, hasCertificate } = connect;
  const isNew = refused !== undefined && isAboutCredential(refused.refusal);
  const hostError = errorOf('host');
  const credential = (
    <SecretField
      id="zt-macaroon"
      label={t(isNew ? 'connect.macaroon.new' : 'connect.macaroon')}
      helpText={t('connect.macaroon.help')}
      value={typed.macaroon}
      onChange={(macaroon) => change({ macaroon })}
      error={errorOf('macaroon')}
      disabled={isTesting}
    />
  );
  return (
    <BlockStack gap="400">
      {isNew && credential}
      <TextField
        id="zt-host"
        label={t('connect.host')}
        placeholder="node.example.com:10009"
        helpText={t('connect.host.help')}
        value={typed.host}
        onChange={(host) => change({ host })}
        autoComplete="off"
        spellCheck={false}
        inputMode="url"
        disabled={isTesting}
        {...(hostError === undefined ? {} : { error: hostError })}
      />
      {!hasCertificate && (
        <TextField
          id="zt-certificate"
          label={t('connect.certificate')}
          placeholder="-----BEGIN CERTIFICATE-----"
          helpText={t('connect.certificate.help')}
          value={typed.certificate}
          onChange={(certificate) => change({ certificate })}
          autoComplete="off"
          spellCheck={false}
          monospaced
          multiline={3}
          maxHeight="12rem"
          disabled={isTesting}
        />
      )}
      {!isNew && credential}
    </BlockStack>
  );
}

/** The test takes as long as the node does: a merchant who waits knows for what. */
const slowAfterMs = 5_000;

function Testing({ host }: { host: string }) {
  const { t } = useWords();
  const [isSlow, setIsSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsSlow(true), slowAfterMs);
    return () => clearTimeout(timer);
  }, []);
  const node = host === '' ? t('connect.testing.node') : host;
  return (
    <div role="status">
      <InlineStack gap="300" blockAlign="start" wrap={false}>
        <span aria-hidden="true">
          <Spinner size="small" />
        </span>
        <BlockStack gap="100">
          <Text as="p" fontWeight="medium" breakWord>
            {t('connect.testing', { node })}
          </Text>
          <Text as="p" tone="subdued">
            {t(isSlow ? 'connect.testing.slow' : 'connect.testing.steps')}
          </Text>
        </BlockStack>
      </InlineStack>
    </div>
  );
}
