import type { ReactNode } from 'react';
import { Text } from '@shopify/polaris';

/** Short facts by name, one under the other. */
export function Facts({ facts }: { facts: readonly { term: string; is: ReactNode }[] }) {
  return (
    <dl className="zt-facts">
      {facts.map(({ term, is }) => (
        <div key={term}>
          <dt>
            <Text as="span" tone="subdued">
              {term}
            </Text>
          </dt>
          <dd>{is}</dd>
        </div>
      ))}
    </dl>
  );
}
