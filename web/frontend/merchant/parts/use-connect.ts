import { useState } from 'react';
import type { ConnectAnswer, ConnectRequest, NodeAnswer } from '../../shared/merchant-api.ts';
import type { ConnectBody } from '../../shared/setup-api.ts';
import { callApi, troubleOf, type TroubleKind } from '../api.ts';
import { useWords, type Word } from '../words.tsx';
import { isCredential, isLink, partsOfLink } from './lndconnect.ts';

export type Typed = {
  way: 'link' | 'picture' | 'parts';
  link: string;
  host: string;
  certificate: string;
  macaroon: string;
};
export type Field = 'link' | 'host' | 'certificate' | 'macaroon';
export type Refused = Extract<ConnectAnswer, { ok: false }>;

const nothing: Typed = { way: 'link', link: '', host: '', certificate: '', macaroon: '' };

/** Where another credential helps; host and certificate were right, or are not known yet. */
export const isAboutCredential = (refusal: string): boolean =>
  refusal.startsWith('credential_') || refusal === 'not_a_macaroon';

/** What is to become of the nodes that are there. Left out: the one that comes replaces them. */
export type ConnectMore = Pick<ConnectBody, 'how' | 'renews' | 'forHolds'>;

/**
 * What is typed, what became of it, and what is to be shown about that. `begins`: what the form has
 * before anybody types. `knownHost`: where the renewed node is; its certificate need not be given.
 */
export function useConnect(
  connected: (node: NodeAnswer) => void,
  asked: ConnectMore & { begins?: Partial<Typed>; knownHost?: string } = {},
) {
  const { t } = useWords();
  const { begins, knownHost, ...more } = asked;
  const untouched: Typed = { ...nothing, ...begins };
  const [typed, setTyped] = useState<Typed>(untouched);
  const [missing, setMissing] = useState<{ field: Field; word: Word }>();
  const [isTesting, setIsTesting] = useState(false);
  const [refused, setRefused] = useState<Refused>();
  const [trouble, setTrouble] = useState<TroubleKind>();

  const change = (part: Partial<Typed>): void => {
    setMissing(undefined);
    setTyped((last) => routed({ ...last, ...part }));
  };
  const send = async (): Promise<void> => {
    if (isTesting) return;
    const lack = lackOf(typed);
    setMissing(lack);
    if (lack !== undefined) {
      document.getElementById(`zt-${lack.field}`)?.focus();
      return;
    }
    setIsTesting(true);
    setTrouble(undefined);
    try {
      const answer = await callApi<ConnectAnswer>('/api/node', {
        body: { ...requestOf(typed), ...more } satisfies ConnectBody,
      });
      if (answer.ok) {
        setTyped(untouched);
        setRefused(undefined);
        connected(answer.node);
      } else {
        setRefused(answer);
        if (isAboutCredential(answer.refusal)) setTyped(keptOf(typed));
      }
    } catch (failure) {
      setTrouble(troubleOf(failure));
    } finally {
      setIsTesting(false);
    }
  };
  const errorOf = (field: Field): string | undefined =>
    missing?.field === field ? t(missing.word) : undefined;
  /** Leaves the form as it was before anybody typed. */
  const forget = (): void => {
    setTyped(untouched);
    setMissing(undefined);
    setRefused(undefined);
    setTrouble(undefined);
  };
  // A node that is not reached so may show another certificate by now.
  const hasCertificate =
    knownHost !== undefined &&
    typed.host.trim() === knownHost &&
    (refused === undefined || isAboutCredential(refused.refusal));
  return { typed, change, send, errorOf, isTesting, refused, trouble, forget, hasCertificate };
}

/** A link pasted where the credential belongs, or the other way round, is taken as what it is. */
function routed(typed: Typed): Typed {
  if (typed.way === 'link' && isCredential(typed.link)) {
    return { ...typed, way: 'parts', macaroon: typed.link.trim(), link: '' };
  }
  if (typed.way !== 'parts' || !isLink(typed.macaroon)) return typed;
  return { ...typed, way: 'link', link: typed.macaroon.trim(), macaroon: '' };
}

function lackOf({ way, link, host, macaroon }: Typed): { field: Field; word: Word } | undefined {
  // A picture has become the link in it, or there is nothing to send yet.
  if (way === 'picture') return { field: 'link', word: 'connect.link.empty' };
  if (way === 'link') {
    if (link.trim() === '') return { field: 'link', word: 'connect.link.empty' };
    return isLink(link) ? undefined : { field: 'link', word: 'connect.link.wrong' };
  }
  if (host.trim() === '') return { field: 'host', word: 'connect.host.empty' };
  return macaroon.trim() === '' ? { field: 'macaroon', word: 'connect.macaroon.empty' } : undefined;
}

function requestOf({ way, link, host, certificate, macaroon }: Typed): ConnectRequest {
  if (way === 'link') return { lndconnect: link.trim() };
  return { host: host.trim(), certificate: certificate.trim(), macaroon: macaroon.trim() };
}

/** All but the refused credential, so that only the new one has to be pasted. */
function keptOf(typed: Typed): Typed {
  if (typed.way === 'parts') return { ...typed, macaroon: '' };
  const parts = partsOfLink(typed.link);
  return parts === undefined ? typed : { ...nothing, way: 'parts', ...parts };
}
