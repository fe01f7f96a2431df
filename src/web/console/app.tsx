import { Center, Loader } from '@mantine/core';
import { useMe } from './me.ts';
import { Shell } from './shell.tsx';
import { SignInPage } from './sign-in.tsx';

/** The page that fits who is signed in. */
export function App() {
  const { data: me, isPending } = useMe();
  if (isPending) {
    return (
      <Center h="100vh">
        <Loader />
      </Center>
    );
  }
  return me ? <Shell key={me.user.userId} me={me} /> : <SignInPage />;
}
