import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { en } from './texts/en.ts';
import { ja, type Texts } from './texts/ja.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: Texts };
  }
}

export type Language = 'ja' | 'en';
const storageKey = 'denwaban-language';

/** As chosen on this machine before, else as the browser is set. */
function firstLanguage(): Language {
  const chosen = localStorage.getItem(storageKey) ?? navigator.language;
  return chosen.startsWith('ja') ? 'ja' : 'en';
}

function show(language: string): void {
  document.documentElement.lang = language;
}

export async function startTexts(): Promise<void> {
  await i18next.use(initReactI18next).init({
    resources: { ja: { translation: ja }, en: { translation: en } },
    lng: firstLanguage(),
    fallbackLng: 'en',
    // React escapes.
    interpolation: { escapeValue: false },
  });
  show(i18next.language);
  i18next.on('languageChanged', show);
  // Chosen on another page of this browser.
  window.addEventListener('storage', ({ key, newValue }) => {
    if (key === storageKey && newValue) void i18next.changeLanguage(newValue === 'ja' ? 'ja' : 'en');
  });
}

export function currentLanguage(): Language {
  return i18next.language === 'ja' ? 'ja' : 'en';
}

export function chooseLanguage(language: Language): void {
  localStorage.setItem(storageKey, language);
  void i18next.changeLanguage(language);
}
