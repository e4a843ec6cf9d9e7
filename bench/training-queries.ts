/** The two reads that are asked most, as our API is asked them. */
export const NEWEST_RUNS = `query Runs($first: Int!) {
  trainingExecutions(first: $first) {
    edges { node { id databaseId publicId status progress provider createdAt } }
  }
}`;

export const STATUS_OF_ONE_RUN = 'query Run($id: ID!) { trainingExecution(id: $id) { status progress } }';
