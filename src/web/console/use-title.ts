import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';

/** What the browser calls this page: its own name, then the product's. */
export function useTitle(name: string): void {
  const { t } = useTranslation();
  const title = `${name} – ${t('product')}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
