import { Box, Menu, type MenuDropdownProps } from '@mantine/core';

/**
 * What opens below a menu's button. The group has the focus until a key goes to an entry: the element that the library has
 * for this is no entry, and a menu holds nothing else (ARIA, "Required Owned Elements").
 */
export function MenuEntries({ children, ...dropdown }: MenuDropdownProps) {
  return (
    <Menu.Dropdown {...dropdown}>
      <Box role="group" tabIndex={-1} data-autofocus style={{ outline: 0 }}>
        {children}
      </Box>
    </Menu.Dropdown>
  );
}
