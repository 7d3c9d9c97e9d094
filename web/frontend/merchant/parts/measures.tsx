import type { ReactNode } from 'react';
import { Text } from '@shopify/polaris';

/** Small figures side by side, each below its name. */
export function Measures({ of }: { of: readonly { name: string; is: ReactNode }[] }) {
  return (
    <dl className="zt-measures">
      {of.map(({ name, is }) => (
        <div key={name}>
          <dt>
            <Text as="span" variant="bodySm" tone="subdued">
              {name}
            </Text>
          </dt>
          <dd className="zt-figures">{is}</dd>
        </div>
      ))}
    </dl>
  );
}
