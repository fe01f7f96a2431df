import { Center, Loader } from '@mantine/core';
import { lazy, Suspense, useEffect } from 'react';
import { loadPage } from './load-page.ts';
import { useMe } from './me.ts';
import { SignInPage } from './sign-in.tsx';

/** Whoever signs in waits for the way in alone; the pages come while they type. */
const loadShell = () => import('./shell.tsx');
const Shell = lazy(async () => ({ default: (await loadPage(loadShell)).Shell }));
const FirstPasswordPage = lazy(async () => ({
  default: (await loadPage(() => import('./first-password.tsx'))).FirstPasswordPage,
}));

/** The page that fits who is signed in. */
export function App() {
  const { data: me, isPending } = useMe();
  const isSignedOut = me === null;
  useEffect(() => {
    // A failure shows when the page is needed: it is then asked for again.
    if (isSignedOut) loadShell().catch(() => undefined);
  }, [isSignedOut]);
  if (isPending) return <Waiting />;
  if (!me) return <SignInPage />;
  return (
    <Suspense fallback={<Waiting />}>
      {me.user.passwordTemporary ? <FirstPasswordPage me={me} /> : <Shell key={me.user.userId} me={me} />}
    </Suspense>
  );
}

function Waiting() {
  return (
    <Center component="main" h="100vh">
      <Loader />
    </Center>
  );
}
