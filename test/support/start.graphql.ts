import { graphql } from '../../src/generated/graphql/gql.ts';

export const START = graphql(`mutation StartTraining($input: StartTrainingInput!) {
  startTraining(input: $input) {
    __typename
    ... on TrainingExecution { id databaseId status }
    ... on Error { code message path remedy }
    ... on ValidationError { fields { path message } }
  }
}`);
