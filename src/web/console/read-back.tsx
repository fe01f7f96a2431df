import { Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { currentLanguage } from './i18n.ts';
import { useReadBack } from './use-intake.ts';

/** What to read back to the caller, of what has been kept. */
export function ReadBack({ intakeId, version }: { intakeId: string; version: number }) {
  const { t } = useTranslation();
  const { data } = useReadBack(intakeId, version, currentLanguage());
  return (
    <Stack gap={4} component="section" aria-label={t('form.readBack')} data-testid="read-back">
      <Text size="sm" fw={700} className="title" component="h3">
        {t('form.readBack')}
      </Text>
      <Text className="pre" size="md">
        {data || (
          <Text c="dimmed" component="span">
            {t('form.readBackEmpty')}
          </Text>
        )}
      </Text>
    </Stack>
  );
}
