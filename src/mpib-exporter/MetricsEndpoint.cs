using Microsoft.AspNetCore.Http;
using MpibCtl;

namespace MpibExporter;

/// <summary>
/// Answers a scrape with the text that the agent keeps in its file. What a dead agent left is never served: the scrape fails, so that `up` is 0 and
/// Prometheus ends the series at once. Called on any thread, many at a time.
/// </summary>
/// <param name="path">The agent's [Metrics] TextFile.</param>
/// <param name="say">Writes a line to the log.</param>
internal sealed class MetricsEndpoint(string path, Action<string> say)
{
    /// <summary>As the manual has it.</summary>
    public const string DefaultFile = "/run/mpib/mpib-agent.prom";

    /// <summary>The one resource there is.</summary>
    public const string Resource = "/metrics";

    /// <summary>Some sixty times what an agent writes.</summary>
    private const int LargestFile = 256 << 10;

    private volatile string _lastProblem = "";

    /// <summary>One request.</summary>
    public Task AnswerAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);

        // A scrape in 15 s is no reason to keep a connection, and idle ones would take the room of others.
        response.Headers.Connection = "close";
        if (request.Path != Resource)
        {
            return RefuseAsync(response, StatusCodes.Status404NotFound, $"expected {Resource}");
        }

        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
        {
            response.Headers.Allow = "GET, HEAD";
            return RefuseAsync(response, StatusCodes.Status405MethodNotAllowed, "expected GET");
        }

        var text = Read(out var problem);
        if (problem != _lastProblem)
        {
            _lastProblem = problem;
            say(problem.Length > 0 ? problem : $"the agent is running: serving {path}");
        }

        if (problem.Length > 0)
        {
            return RefuseAsync(response, StatusCodes.Status503ServiceUnavailable, problem);
        }

        response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        response.ContentLength = text.Length;
        return HttpMethods.IsHead(request.Method) ? Task.CompletedTask : response.Body.WriteAsync(text).AsTask();
    }

    /// <summary>The text of an agent that lives; else why there is none.</summary>
    private ReadOnlyMemory<byte> Read(out string problem)
    {
        try
        {
            switch (LiveFile.Read(path, LargestFile, out var text, out problem))
            {
                case Liveness.Alive:
                    return text;
                case Liveness.Absent:
                    problem = $"there is no {path}: the agent is not running, or its settings name another [Metrics] TextFile or none; run: systemctl status mpib-agent";
                    break;
                case Liveness.Dead:
                    problem = $"the agent is not running: it ended without a stop, and {path} is what it left; run: systemctl start mpib-agent";
                    break;
            }
        }
        catch (IOException fault)
        {
            problem = $"{path}: {fault.Message}";
        }

        return default;
    }

    private static Task RefuseAsync(HttpResponse response, int status, string reason)
    {
        response.StatusCode = status;
        response.ContentType = "text/plain; charset=utf-8";
        return response.WriteAsync(reason + "\n");
    }
}
