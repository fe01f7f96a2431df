import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './style.css';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { startTexts } from './i18n.ts';
import { Themed } from './themed.tsx';

const client = new QueryClient({
  defaultOptions: { queries: { retry: 2, refetchOnWindowFocus: false }, mutations: { networkMode: 'always' } },
});
const root = document.getElementById('root');
if (root) {
  startTexts().then(() =>
    createRoot(root).render(
      <StrictMode>
        <Themed>
          <QueryClientProvider client={client}>
            <Notifications position="bottom-left" />
            <App />
          </QueryClientProvider>
        </Themed>
      </StrictMode>,
    ),
  );
}
