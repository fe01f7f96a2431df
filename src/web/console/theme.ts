import { createTheme } from '@mantine/core';
import type { AgentState } from '../../desk/desk-store.ts';

const fonts = [
  'system-ui',
  '"Hiragino Sans"',
  '"Noto Sans JP"',
  '"Noto Sans CJK JP"',
  '"Yu Gothic UI"',
  'Meiryo',
  'sans-serif',
].join(', ');

export const theme = createTheme({
  primaryColor: 'cyan',
  primaryShade: { light: 9, dark: 9 },
  fontFamily: fonts,
  headings: { fontFamily: fonts, fontWeight: '600' },
  defaultRadius: 'md',
  cursorType: 'pointer',
  autoContrast: true,
});

/** Each state has its colour, beside its word. */
export const stateColors: Record<AgentState, string> = {
  offline: 'gray',
  available: 'teal',
  reserved: 'orange.5',
  ringing: 'orange.5',
  talking: 'blue',
  'wrap-up': 'violet',
  break: 'yellow.5',
};
