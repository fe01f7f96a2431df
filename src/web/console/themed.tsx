import { MantineProvider, type MantineThemeOverride, mergeThemeOverrides } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { theme } from './theme.ts';

/** The look of all pages. What closes a dialog or a message says so in the language of the page. */
export function Themed({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const close = t('shell.close');
  const themed = useMemo(() => {
    const named: MantineThemeOverride = {
      components: {
        CloseButton: { defaultProps: { 'aria-label': close } },
        // A menu opens within the page's main part, of which it is; for its entries see `menu-entries.tsx`.
        Menu: { defaultProps: { withInitialFocusPlaceholder: false, portalProps: { target: 'main' } } },
        // The head of a dialog is not that of the page.
        Modal: { defaultProps: { attributes: { header: { role: 'presentation' } } } },
      },
    };
    return mergeThemeOverrides(theme, named);
  }, [close]);
  return (
    <MantineProvider theme={themed} defaultColorScheme="auto">
      {children}
    </MantineProvider>
  );
}
