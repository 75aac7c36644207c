using System.Globalization;

namespace MpibAgent.AcceptanceTests.Chaos;

/// <summary>What became of a request.</summary>
internal enum ReplyKind
{
    /// <summary>It was carried out, and that was told.</summary>
    Done,

    /// <summary>It was refused: nothing has changed.</summary>
    Status,

    /// <summary>Nobody was there to connect to: nothing has changed.</summary>
    NotAsked,

    /// <summary>Whoever had been connected to was gone before the request was sent: nothing has changed.</summary>
    NotSent,

    /// <summary>It may have been carried out or not.</summary>
    InDoubt,
}

/// <summary>An outcome as chaos_client.c tells it.</summary>
/// <param name="Kind">What became of it.</param>
/// <param name="Slot">The slot of a registration that was done.</param>
/// <param name="Word">How the client said it.</param>
internal readonly record struct Reply(ReplyKind Kind, int Slot, string Word)
{
    public static Reply Parse(string word) => word.Split('-')[0] switch
    {
        "status" => new Reply(ReplyKind.Status, -1, word),
        "refused" => new Reply(ReplyKind.NotAsked, -1, word),
        "unsent" => new Reply(ReplyKind.NotSent, -1, word),
        "lost" => new Reply(ReplyKind.InDoubt, -1, word),
        _ => new Reply(ReplyKind.Done, int.Parse(word, CultureInfo.InvariantCulture), word),
    };
}
