import { Alert, Button, Group, List, PasswordInput, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';
import type { Weakness } from '../../accounts/password-strength.ts';
import { ApiFailure } from './api.ts';
import { useFailureText } from './failure-text.ts';
import { useChangePassword } from './me.ts';
import { passwordJa } from './texts/password-ja.ts';

/** A new password of one's own. `old`: the one that was typed a moment ago, where the page knows it. */
export function PasswordForm(props: {
  loginName: string;
  old: string | undefined;
  /** Of a dialog, which can be left without a new one. */
  onClose?: (() => void) | undefined;
}) {
  const { t } = useTranslation();
  const change = useChangePassword();
  const form = useForm({
    initialValues: { oldPassword: '', newPassword: '', again: '' },
    validate: { again: (value, { newPassword }) => (value === newPassword ? null : t('password.differs')) },
  });
  const isWrong = change.error instanceof ApiFailure && change.error.code === 'PASSWORD_WRONG';
  // Changed elsewhere meanwhile: what is known is not it any more.
  const old = isWrong ? undefined : props.old;
  const submit = form.onSubmit(({ oldPassword, newPassword }) =>
    change.mutate({ oldPassword: old ?? oldPassword, newPassword }, { onSuccess: () => props.onClose?.() }),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        {change.isError && <Refusal error={change.error} />}
        {/* For the browser, which keeps the two together. */}
        <input type="text" autoComplete="username" value={props.loginName} readOnly hidden />
        {old === undefined && (
          <PasswordInput
            label={t('password.old')}
            autoComplete="current-password"
            data-autofocus
            {...form.getInputProps('oldPassword')}
          />
        )}
        <PasswordInput
          label={t('password.new')}
          description={t('password.advice')}
          autoComplete="new-password"
          {...(old === undefined ? {} : { 'data-autofocus': true, autoFocus: true })}
          {...form.getInputProps('newPassword')}
        />
        <PasswordInput label={t('password.again')} autoComplete="new-password" {...form.getInputProps('again')} />
        <Group justify="end">
          {props.onClose && (
            <Button variant="default" onClick={props.onClose}>
              {t('password.cancel')}
            </Button>
          )}
          <Button type="submit" loading={change.isPending}>
            {t('password.submit')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Says each thing that is weak, in the language of the page. */
function Refusal({ error }: { error: unknown }) {
  const { t } = useTranslation();
  const failureText = useFailureText();
  const reasons = error instanceof ApiFailure ? error.reasons.filter(isWeakness) : [];
  return (
    <Alert color="red" role="alert">
      {failureText(error)}
      {reasons.length > 0 && (
        <List size="sm" mt="xs">
          {reasons.map((reason) => (
            <List.Item key={reason}>{t(`password.weak.${reason}`)}</List.Item>
          ))}
        </List>
      )}
    </Alert>
  );
}

function isWeakness(reason: string): reason is Weakness {
  return reason in passwordJa.weak;
}
