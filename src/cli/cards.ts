import { cardSchema, maskCard } from '../accounts/cards.ts';
import { saveCard } from '../accounts/manage-accounts.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { cardTargetFaults } from '../web/card-targets.ts';
import { knownAccount } from './accounts.ts';
import { type AddCommand, changeByCommand, readSettings, refuseSettings } from './command.ts';

/** `denwaban card …`: what agents and reports need to know of an account. */
export const addCardCommands: AddCommand = (program, context) => {
  const card = program.command('card').description('what agents and reports need to know of an account');
  card
    .command('show <account-id>')
    .description('the card as JSON, for "card set"; secrets are masked')
    .action(async (accountId: string) => {
      const shown = await context.withStores(async ({ data }) => {
        await knownAccount(data.accounts, accountId);
        return data.cards.find(accountId);
      });
      if (!shown) {
        throw new DenwabanError('CARD_UNKNOWN', `the account "${accountId}" has no card`, {
          remedy: 'denwaban card set <file> adds one',
        });
      }
      context.print(JSON.stringify(maskCard(shown), null, 2));
    });
  card
    .command('set <file>')
    .description(
      'add or replace the card of an account as a JSON file says (- reads standard input); what is masked is kept',
    )
    .action(async (file: string) => {
      const written = readSettings(file, cardSchema, 'CARD_INVALID');
      const faults = cardTargetFaults(context.targets(), written);
      if (faults.length > 0) refuseSettings(file, faults, 'CARD_INVALID');
      await changeByCommand(context, async (change) => {
        await knownAccount(change.stores.accounts, written.accountId);
        await saveCard(change, written);
      });
      context.print(`the card of ${written.accountId} is set`);
    });
};
