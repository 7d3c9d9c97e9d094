import { Button, type ButtonProps } from '@shopify/polaris';
import { Suspense, useRef, useState, type ReactNode, type RefObject } from 'react';

/** A button with the dialog that it opens. */
export function Opener(props: {
  words: string;
  variant?: NonNullable<ButtonProps['variant']>;
  onEnded: () => void;
  dialog: (about: {
    isOpen: boolean;
    activator: RefObject<HTMLDivElement>;
    close: () => void;
    end: () => void;
  }) => ReactNode;
}) {
  const { variant = 'secondary' } = props;
  const [isOpen, setIsOpen] = useState<boolean>();
  const opener = useRef<HTMLDivElement>(null);
  const close = (): void => setIsOpen(false);
  const end = (): void => {
    setIsOpen(false);
    // Its button goes: what became of the payment is read from the top.
    document.querySelector('main')?.focus();
    props.onEnded();
  };
  return (
    <>
      <div ref={opener}>
        <Button variant={variant} onClick={() => setIsOpen(true)}>
          {props.words}
        </Button>
      </div>
      {isOpen !== undefined && (
        <Suspense>{props.dialog({ isOpen, activator: opener, close, end })}</Suspense>
      )}
    </>
  );
}
