import { useRef, useState } from 'preact/hooks';
import { usePage } from '../context.ts';

/** Asks for a bearer token when the address brought no code. */
export function Login() {
  const { store, actions } = usePage('session', 'notices');
  const [problem, setProblem] = useState(store.notices.at(-1)?.text);
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  async function submit(): Promise<void> {
    const token = field.current!.value.trim();
    if (token === '') {
      setProblem('Enter a token.');
      field.current!.focus();
      return;
    }
    setBusy(true);
    try {
      await actions.login({ token });
    } catch (error) {
      setProblem((error as Error).message);
      setBusy(false);
      field.current?.select();
    }
  }
  return (
    <main class="login">
      <h1>Kubus inspector</h1>
      <p>
        Run <code>kubus inspect</code> to open this page signed in, or enter a bearer token of a user of the cluster.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <label for="token">Bearer token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          aria-invalid={problem === undefined ? undefined : true}
          aria-describedby="login-problem"
        />
        <p id="login-problem" class="problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="button button-primary" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}
