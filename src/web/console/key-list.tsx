import { Kbd, Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ja } from './texts/ja.ts';

const names = Object.keys(ja.keys) as (keyof typeof ja.keys)[];

/** What the keys do. */
export function KeyList() {
  const { t } = useTranslation();
  return (
    <Table>
      <Table.Tbody>
        {names.map((name) => (
          <Table.Tr key={name}>
            <Table.Td w={130}>
              <Kbd>{name}</Kbd>
            </Table.Td>
            <Table.Td>{t(`keys.${name}`)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
