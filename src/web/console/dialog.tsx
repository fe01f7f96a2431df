import { Modal, type ModalProps } from '@mantine/core';
import { type RefObject, useEffect, useLayoutEffect, useRef } from 'react';

/**
 * A dialog opened by a key in the middle of typing: what is in it takes the focus at once ({@link useFocus}), so that
 * what is typed next does not land in the form, and the focus goes back to where it was.
 */
export function Dialog(props: Pick<ModalProps, 'opened' | 'onClose' | 'title' | 'size' | 'children'>) {
  const { opened } = props;
  const before = useRef<Element | null>(null);
  // Before an effect of the content can move it.
  useLayoutEffect(() => {
    if (opened) before.current = document.activeElement;
    else if (before.current instanceof HTMLElement) before.current.focus({ preventScroll: true });
  }, [opened]);
  return <Modal {...props} returnFocus={false} transitionProps={{ duration: 0 }} />;
}

/** For what shall have the focus of a {@link Dialog}. */
export function useFocus<Element extends HTMLElement>(): RefObject<Element | null> {
  const target = useRef<Element>(null);
  useEffect(() => target.current?.focus(), []);
  return target;
}
