import { Button, TextField } from '@shopify/polaris';
import { HideIcon, ViewIcon } from '@shopify/polaris-icons';
import { useState } from 'react';
import { useWords } from '../words.tsx';

/** For what nobody behind the merchant's back should read. */
export function SecretField(props: {
  id: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  helpText?: string;
  placeholder?: string;
  error?: string | undefined;
  disabled?: boolean;
}) {
  const { t } = useWords();
  const [isShown, setIsShown] = useState(false);
  const { error, ...field } = props;
  return (
    <TextField
      {...field}
      type={isShown ? 'text' : 'password'}
      autoComplete="off"
      spellCheck={false}
      monospaced
      {...(error === undefined ? {} : { error })}
      connectedRight={
        <Button
          icon={isShown ? HideIcon : ViewIcon}
          pressed={isShown}
          accessibilityLabel={t('secret.show', { what: props.label })}
          onClick={() => {
            setIsShown(!isShown);
          }}
        />
      }
    />
  );
}
